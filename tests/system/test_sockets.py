"""A fuzzer on raw sockets: bytes split at random, several requests in a packet, garbage after a request.

Whatever it sends, what was asked is answered in its order and in a form of the contract, and the exporter goes on.
"""

from __future__ import annotations

import json
import random
import time
from itertools import pairwise

import pytest

from tests.support.bodies import event, events
from tests.support.contract import OK
from tests.support.harness import Exporter, Reply
from tests.system.wire import Wire, chunked, post

STATUSES = {200, 400, 404, 405, 408, 413, 415, 431, 501}
SEEDS = range(8)
ROUNDS = 40


class Fuzzer:
    """Makes streams of requests, and of what looks like some."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def good(self) -> bytes:
        """A request whose answer is 200."""
        body = json.dumps(self.chance.choice((event, lambda: events(self.chance.randint(0, 40))))()).encode()
        return self.chance.choice(
            (
                lambda: post(body),
                lambda: post(body, f"X-Filler: {'x' * self.chance.randint(0, 4000)}"),
                lambda: chunked(*self.cut(body, 5)),
                lambda: b"\r\n" + post(body),
                lambda: b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n",
            )
        )()

    def bad(self) -> bytes:
        """Something that may be no request."""
        whole = self.good()
        at = self.chance.randrange(len(whole))
        return self.chance.choice(
            (
                lambda: self.chance.randbytes(self.chance.randint(1, 3000)),
                lambda: whole[:at] + self.chance.randbytes(self.chance.randint(1, 8)) + whole[at:],
                lambda: whole[:at] + whole[at + 1 :],
                lambda: whole.replace(b"\r\n", b"\n"),
                lambda: whole.replace(b"Content-Length: ", b"Content-Length: 9"),
                lambda: whole.replace(b"HTTP/1.1", self.chance.choice((b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1.1"))),
                lambda: post(b"x" * at, "Transfer-Encoding: chunked"),
                lambda: post(b"[", "Connection: close") + whole,
                lambda: post(b"{}", "Upgrade: h2c", "Connection: Upgrade") + whole,
            )
        )()

    def cut(self, data: bytes, most: int) -> list[bytes]:
        """It in pieces, none of them empty."""
        cuts = sorted({0, len(data), *(self.chance.randint(0, len(data)) for _ in range(self.chance.randint(0, most)))})
        return [data[start:end] for start, end in pairwise(cuts)]


def send(wire: Wire, pieces: list[bytes]) -> None:
    """Each piece in a packet of its own, mostly."""
    for piece in pieces:
        wire.send(piece)
        if len(pieces) > 1:
            time.sleep(0.0002)


def replies(wire: Wire) -> list[Reply]:
    """All until the connection ends; AssertionError if it ends in the middle of one."""
    wire.socket.shutdown(1)
    found = []
    while wire.incoming.peek(1):
        found.append(wire.reply())
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_good_requests_are_all_answered_however_they_arrive(exporter: Exporter, seed: int) -> None:
    """Some dozens on each connection, in packets that know nothing of where one ends."""
    fuzzer = Fuzzer(seed)
    for _ in range(ROUNDS // 4):
        stream = [fuzzer.good() for _ in range(fuzzer.chance.randint(1, 30))]
        with Wire(exporter.port) as wire:
            send(wire, fuzzer.cut(b"".join(stream), 60))
            assert [reply.status for reply in replies(wire)] == [200] * len(stream)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_comes_after_good_requests_those_are_answered(exporter: Exporter, seed: int) -> None:
    """And the rest in a form of the contract, or not at all."""
    fuzzer = Fuzzer(100 + seed)
    for _ in range(ROUNDS):
        stream = [fuzzer.good() for _ in range(fuzzer.chance.randint(0, 3))]
        with Wire(exporter.port) as wire:
            send(wire, fuzzer.cut(b"".join([*stream, fuzzer.bad()]), 20))
            try:
                answered = replies(wire)
            except OSError:  # it had closed already
                continue
        statuses = [reply.status for reply in answered]
        assert statuses[: len(stream)] == [200] * len(stream)
        assert set(statuses) <= STATUSES
        for reply in answered:
            assert isinstance(reply.json, dict)
    assert exporter.post(event()).body == OK
