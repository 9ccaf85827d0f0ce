"""The wire contract: what a post body is, and what an event in it says.

A body is one JSON object or an array of them, in UTF-8; a byte order mark before it is skipped. Which of the two
depends on the plugin version and, within one device, on the code path that sends it. Only `app_id` and `action` are
needed, as non-empty strings; every other field that is null or of a wrong type counts as absent, because no event may
be lost to a field nobody needs.

Decoding goes one of two ways with the same result. The fast way is msgspec, for a body in which every field is
of its type. What it can't take (a lone surrogate escape, invalid UTF-8, a 5,000-digit number, 100,000 levels of
nesting, a wrong type) goes the careful way: the array is cut into its elements and each is read by itself, so that
one odd event never costs its neighbours. (One that is nested deeper than Python's parser goes, about 990 levels, is no
object to us.)

Rule: whatever bytes arrive, `decode` returns a `Batch` or raises `MalformedBodyError` or `TooManyEventsError`, and
nothing else.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import Annotated, Final, Literal, NamedTuple, NoReturn, get_args

import msgspec

Reason = Literal[
    "not_an_object", "missing_app_id", "invalid_app_id", "app_not_allowed", "missing_action", "invalid_action"
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

MARKS_LIMIT: Final = 200_000
"""Opening brackets, opening braces and commas in a body that needs care. Each costs up to a microsecond and 200 bytes,
and ten times fewer are in the largest body that a client means: 1000 events of 20 fields."""

TIMESTAMP_LIMIT: Final = 2**53
"""Milliseconds since the epoch; above it JSON numbers are not exact, so no client means it."""

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Timestamp = Annotated[int, msgspec.Meta(ge=0, le=TIMESTAMP_LIMIT)]
_BLANK = " \t\r\n"
_BLANK_BYTES = _BLANK.encode()


class MalformedBodyError(ValueError):
    """The body is not JSON, or neither an object nor an array."""


class TooManyEventsError(ValueError):
    """The array holds more events than a batch may."""


class Event(msgspec.Struct, gc=False, kw_only=True):
    """The fields of an event that counting needs, as sent (source: the plugin's `createInfoObject` and `sendStats`).

    In the order in which Android sends them, which is decoded fastest.
    `timestamp` is in milliseconds since the epoch by the device's clock; clients send it in arrays only.
    """

    platform: str | None = None
    device_id: str | None = None
    app_id: _Text
    version_build: str | None = None
    version_os: str | None = None
    plugin_version: str | None = None
    is_emulator: bool | None = None
    is_prod: bool | None = None
    install_source: str | None = None
    version_name: str | None = None
    old_version_name: str | None = None
    action: _Text
    timestamp: _Timestamp | None = None
    metadata: dict[str, str] | None = None


class Rejected(NamedTuple):
    """An element of the body that can't be counted, and the one word that says why."""

    reason: Reason


class Batch(NamedTuple):
    """The elements of a body in their order; `array` tells which form of reply the client expects."""

    items: list[Event] | list[Event | Rejected]
    array: bool


_decode_array = msgspec.json.Decoder(list[Event]).decode
_decode_object = msgspec.json.Decoder(Event).decode


def decode(body: bytes, max_events: int) -> Batch:
    """Read a post body. Raises `MalformedBodyError` or `TooManyEventsError`."""
    return decode_strictly(body, max_events) or decode_carefully(body, max_events)


def unmarked(body: bytes) -> bytes:
    """A body without the byte order mark that some senders put before UTF-8."""
    return body.removeprefix(BOM_UTF8)


def decode_strictly(body: bytes, max_events: int) -> Batch | None:
    """Read a body the fast way; `None` if it takes the careful one. Raises `TooManyEventsError`."""
    body = unmarked(body)
    array = _is_array(body)
    try:
        items = _decode_array(body) if array else [_decode_object(body)]
    except (ValueError, RecursionError):
        return None
    if len(items) > max_events:
        raise TooManyEventsError
    return Batch(items, array)


def decode_carefully(body: bytes, max_events: int) -> Batch:
    """Read a body that the fast way can't take. Raises `MalformedBodyError` or `TooManyEventsError`."""
    if sum(map(body.count, (b"[", b"{", b","))) > MARKS_LIMIT:
        raise MalformedBodyError("more than a client means")
    body = unmarked(body)
    array = _is_array(body)
    read = _read_array if array else _read_object
    return Batch(read(body.decode("utf-8", "surrogateescape").strip(_BLANK), max_events), array)


def _is_array(body: bytes) -> bool:
    return body.startswith(b"[") or body.lstrip(_BLANK_BYTES).startswith(b"[")


def elements(text: str) -> list[str]:
    """The texts of the elements of an array, or of a single object. Raises `MalformedBodyError`."""
    text = text.strip(_BLANK)
    return list(_cut(text)) if text.startswith("[") else [text]


def _read_object(text: str, _max_events: int) -> list[Event | Rejected]:
    item = _read(text)
    if item == Rejected("not_an_object"):
        raise MalformedBodyError("neither an object nor an array")
    return [item]


def _read_array(text: str, max_events: int) -> list[Event | Rejected]:
    items: list[Event | Rejected] = []
    for element in _cut(text):
        if len(items) == max_events:
            raise TooManyEventsError
        items.append(_read(element))
    return items


def _read(text: str) -> Event | Rejected:
    try:
        value = _parse(text)
    except RecursionError:
        return Rejected("not_an_object")
    except ValueError as error:
        raise MalformedBodyError(str(error)) from None
    if not isinstance(value, dict):
        return Rejected("not_an_object")
    reason = _lack(value)
    if reason is not None:
        return Rejected(reason)
    return Event(**{field: value[field] for field, fits in _FITS.items() if fits(value.get(field))})


def _lack(value: dict[str, object]) -> Reason | None:
    app_id, action = value.get("app_id"), value.get("action")
    if not isinstance(app_id, str):
        return "missing_app_id" if app_id is None else "invalid_app_id"
    if not app_id:
        return "missing_app_id"
    if not isinstance(action, str):
        return "missing_action" if action is None else "invalid_action"
    return None if action else "missing_action"


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


def _is_metadata(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_timestamp(value: object) -> bool:
    return type(value) is int and 0 <= value <= TIMESTAMP_LIMIT


_FITS: Final = dict.fromkeys(Event.__struct_fields__, _is(str)) | {
    "is_emulator": _is(bool),
    "is_prod": _is(bool),
    "timestamp": _is_timestamp,
    "metadata": _is_metadata,
}


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBodyError(f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    # What is too long for a field of ours is a number all the same, and Python refuses to make an int of thousands of
    # digits. (A decimal for each costs a body of them 60 times its size.)
    return int(digits) if len(digits) <= len(str(TIMESTAMP_LIMIT)) else float(digits)


_parse = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse_constant).decode

_STRING: Final = r'"(?:[^"\\]++|\\.)*+"'
# To the next mark that tells the structure; what lies between is passed over by the pattern, not by Python.
_AT_FIRST_LEVEL: Final = re.compile(rf'(?:{_STRING}|[^"\[\]{{}},]++)*+(.)', re.DOTALL)
_BELOW: Final = re.compile(rf'(?:{_STRING}|[^"\[\]{{}}]++)*+(.)', re.DOTALL)


def _cut(text: str) -> Iterator[str]:
    """Cut an array's text at the commas of its first level, without recursion; the rest is for the parser to judge."""
    depth, start, position, mark = 1, 1, 1, "["
    while depth:
        token = (_AT_FIRST_LEVEL if depth == 1 else _BELOW).match(text, position)
        if token is None or token[1] == '"':
            raise MalformedBodyError("the array, or a string in it, is not closed")
        position = token.end()
        mark = token[1]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == ",":
            yield text[start : position - 1]
            start = position
    if mark != "]" or position != len(text):
        raise MalformedBodyError("something follows the array")
    last = text[start : position - 1]
    if start > 1 or last.strip(_BLANK):
        yield last
