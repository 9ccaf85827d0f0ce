"""What arrives on a connection, as requests; and when enough of one has come to refuse it."""

import re
from typing import Final, NamedTuple

import httptools

from exporter.intake.answer import Answer
from exporter.intake.answers import refused, turned_away
from exporter.intake.body_memory import ALWAYS_TAKEN, BodyMemory
from exporter.intake.http import Headers

HEADER_LIMIT: Final = 16 * 1024
"""Bytes of a request's header, and of whatever else brings nothing of a body; the plugin's header is below 500."""

TOGETHER: Final = 100
"""Requests that are taken of one packet; a client that sends more at once has to send the others again."""


_OTHER_METHOD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [!-~]+ HTTP/1\.[01]\r\n")
"""The first line of a request with a method that the parser has never heard of."""


class Request(NamedTuple):
    """A request that has arrived whole; header names are lower-case, `memory` is what its body holds of the port's."""

    method: bytes
    target: bytes
    headers: Headers
    fields: dict[bytes, bytes]
    """The headers by their names."""

    body: bytes
    memory: int

    def field(self, name: bytes) -> str:
        """A header's value; empty where there is none."""
        value = self.fields.get(name)
        return "" if value is None else value.decode("latin-1")

    def path_and_query(self) -> tuple[bytes, bytes]:
        """Of the target, in origin form or in absolute form, as clients of proxies send."""
        path, _, query = self.target.partition(b"?")
        if not path.startswith(b"/"):
            _, mark, rest = path.partition(b"://")
            if mark:
                path = b"/" + rest.partition(b"/")[2]
        return path, query


class _RefusedError(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class _EnoughError(Exception):
    """Nothing more is read of this connection."""


class Arriving:
    """Takes the bytes of one connection. httptools parses; the limits are ours."""

    _headers: Headers
    _fields: dict[bytes, bytes] | None
    """`None` until all headers are there."""

    _body: bytes | bytearray

    def __init__(self, max_body: int, memory: BodyMemory) -> None:
        self.ended = False
        """Whether nothing that still comes is read."""

        self.under_way = False
        """Whether a request has begun, and not ended."""

        self.awaits_continue = False
        """Whether the client waits to be told that its body is welcome."""

        self.refusal: Answer | None = None
        self._max_body = max_body
        self._memory = memory
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[Request] = []
        self._fed = 0
        self._useless = 0
        self._moved = False
        self._taken = 0
        self._forget()

    def feed(self, data: memoryview) -> list[Request]:
        """The requests that are complete with it; sets `refusal` if it shows that another can't be taken."""
        rest: memoryview | None = data
        while rest is not None:
            rest = self._parse(rest)
        complete, self._complete = self._complete, []
        return complete

    def _parse(self, data: memoryview) -> memoryview | None:
        """Returns what is to be parsed instead of what is left."""
        self._moved = False
        self._fed = len(data)
        try:
            self._parser.feed_data(data)
            if self._moved:
                self._useless = 0
            else:
                self._bound_what_is_useless()
        except _RefusedError as error:
            self._refuse(error.answer)
        except httptools.HttpParserCallbackError as error:
            self._give_up(error.__context__)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserInvalidMethodError:
            known = _OTHER_METHOD.match(data) is None
            self._refuse(refused("bad_request" if known else "method_not_allowed"))
        except httptools.HttpParserError:
            if not self.ended:  # else it is what comes after a last request
                self._refuse(refused("bad_request"))
        return None

    def _without_upgrade(self, rest: memoryview) -> memoryview | None:
        """The request again, as if it did not offer another protocol: HTTP allows to overlook that, while the parser
        takes its body, and all that follows, to be of that protocol.
        """
        if self._parser.get_method() == b"CONNECT":  # has no body, and what follows is for another place
            self._end()
            return None
        request, version = self._complete.pop(), self._parser.get_http_version().encode()
        lines = b"".join(b"%b: %b\r\n" % header for header in request.headers if header[0] != b"upgrade")
        self.ended = False
        self._parser = httptools.HttpRequestParser(self)
        return memoryview(b"%b %b HTTP/%b\r\n%b\r\n%b" % (request.method, request.target, version, lines, bytes(rest)))

    def _bound_what_is_useless(self) -> None:
        self._useless += self._fed
        if self._useless > HEADER_LIMIT:
            raise _RefusedError(refused("header_too_large"))

    def _give_up(self, error: BaseException | None) -> None:
        if isinstance(error, _RefusedError):
            self._refuse(error.answer)
        elif isinstance(error, _EnoughError):
            self._end()
        else:
            raise error or RuntimeError

    def _refuse(self, answer: Answer) -> None:
        self.refusal = answer
        self._end()

    def _end(self) -> None:
        self.ended = True
        self.drop()

    def overdue(self) -> Answer:
        """Refuse the request that is under way, because it takes too long."""
        self._end()
        return refused("request_timeout")

    def drop(self) -> None:
        """Free what the request under way holds."""
        self._memory.give_back(self._taken)
        self._taken = 0
        self._body = b""
        self.under_way = False

    # What the parser calls.

    def on_message_begin(self) -> None:
        if len(self._complete) == TOGETHER:
            raise _EnoughError
        self.under_way = True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._fields is None:  # else it is a trailer, which nobody needs
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._fields = fields = dict(self._headers)
        if self._useless + self._fed > HEADER_LIMIT and sum(map(sum, map(_lengths, self._headers))) > HEADER_LIMIT:
            raise _RefusedError(refused("header_too_large"))
        if b"transfer-encoding" in fields:
            self._check_encodings()
        length = fields.get(b"content-length")
        if length is not None and int(length) > self._max_body:
            raise _RefusedError(refused("body_too_large"))
        self.awaits_continue = b"expect" in fields and self._parser.get_http_version() != "1.0"

    def _check_encodings(self) -> None:
        """HTTP/1.0 has none: what stands in front may see the body's end elsewhere (RFC 9112, 6.1)."""
        if self._parser.get_http_version() == "1.0":
            raise _RefusedError(refused("bad_request"))
        encodings = [value.strip().lower() for name, value in self._headers if name == b"transfer-encoding"]
        if encodings != [b"chunked"]:
            raise _RefusedError(refused("not_implemented"))

    def on_body(self, body: bytes) -> None:
        self._moved = True
        if not self._body:
            self._body = body  # mostly all of it
        elif isinstance(self._body, bytearray):
            self._body += body
        else:
            self._body = bytearray(self._body) + body  # pieces to be joined in the end would take twice the memory
        size = len(self._body)
        if size > self._max_body:
            raise _RefusedError(refused("body_too_large"))
        if size > ALWAYS_TAKEN:
            self._grow(size)

    def _grow(self, size: int) -> None:
        taken = self._memory.grow(self._taken, size)
        if taken is None:
            agent = (self._fields or {}).get(b"user-agent", b"")
            raise _RefusedError(turned_away(agent.decode("latin-1")))
        self._taken = taken

    def on_message_complete(self) -> None:
        self._moved = True
        self.under_way = self.awaits_continue = False
        parser = self._parser
        self._complete.append(
            Request(
                parser.get_method(),
                self._target,
                self._headers,
                self._fields or {},
                bytes(self._body),
                self._taken,
            )
        )
        self._taken = 0
        self._forget()
        if not parser.should_keep_alive() or parser.get_http_version() == "1.0":
            self.ended = True  # HTTP/1.0 may keep it, but only if that is agreed upon, and else waits for the end

    def _forget(self) -> None:
        """Nothing of a request is kept until the next one comes, which may be never."""
        self._target = b""
        self._headers = []
        self._fields = None
        self._body = b""


def _lengths(header: tuple[bytes, bytes]) -> tuple[int, int]:
    return len(header[0]), len(header[1])
