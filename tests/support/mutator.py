"""Bodies that almost are what clients send: real ones with bits flipped, cut, spliced, or other tokens put in."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

from tests.support import fixtures

LONGEST: Final = 1500
"""Bytes of the real bodies taken: short ones are tried more often in the same time."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^{}\[\],:"\s]+|.', re.DOTALL)

_VALUES: Final = [
    *[b"null", b"true", b"false", b"0", b"-0", b"-1", b"1.5", b"1e400", b"-1e-400", b"9007199254740992", b"9" * 400],
    *[b"9007199254740993", b"18446744073709551616", b"[]", b"{}", b"[[]]", b'{"":{}}', b'{"app_id":7,"action":[]}'],
    *[
        b'""',
        b'"set"',
        b'"a.b"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\u0000"',
        b'"\\/"',
        b'":"',
        b'"a\\nb"',
        b'"builtin"',
    ],
    *[b'"\xff"', b'"\xed\xa0\x80"', b'"__overflow__"', b'"' + b"\xc3\xa9" * 70 + b'"', b'"' + b"x.y" * 50 + b'"'],
    *[b"[" * 60 + b"]" * 60, b'{"a":' * 60 + b"1" + b"}" * 60, b'{"app_id":"a.b","action":"set"}', b'{"a":"b"}'],
]
"""Each is JSON, but for its encoding."""

_JUNK: Final = [
    *[b"01", b"1.", b"+1", b".5", b"1e", b"NaN", b"Infinity", b"nul", b"True", b"'a'", b"//", b"/**/", b""],
    *[
        b'"\x00"',
        b'"\x01"',
        b'"\x7f"',
        b'"\\x"',
        b'"\\u12"',
        b'"\\u{12}"',
        b'"',
        b'"\\"',
        b"{,}",
        b"[,]",
        b"[1,]",
        b'{"a"}',
    ],
    *[b",", b":", b"{", b"}", b"[", b"]", b" ", b"\t", b"\xef\xbb\xbf", b"\xa0", b"\x00", b"\xe2\x80\xa8", b"[" * 1100],
    *[b'"app_id"', b'"action"', b'"timestamp"', b'"metadata"', b'"is_prod"', b'"is_emulator"', b'"version_name"'],
]


def seeds() -> list[bytes]:
    """The real bodies."""
    return [body for fixture in fixtures.load() for body in fixture.bodies if 0 < len(body) <= LONGEST]


def _places_of_values(tokens: Sequence[bytes]) -> list[int]:
    """Where in the tokens a JSON value that is neither object nor array stands; the whole, if nowhere."""
    ends = [*tokens[1:], b""]
    values = [place for place, token in enumerate(tokens) if token[:1] not in b"{}[],: \t\r\n" and ends[place] != b":"]
    return values or [0]


class Mutator:
    """Makes one body after the other; the same `seed` makes the same."""

    def __init__(self, bodies: Sequence[bytes], seed: int) -> None:
        self._bodies = bodies
        self._tokens = [_TOKEN.findall(body) for body in bodies]
        self._places = [_places_of_values(tokens) for tokens in self._tokens]
        self._random = random.Random(seed).random
        self._ways: tuple[Callable[[int], bytes], ...] = (
            self._swap_values,
            self._swap_values,
            self._swap_values,
            self._swap_tokens,
            self._flip,
            self._cut,
            self._splice,
            self._repeat,
            self._gather,
        )

    def body(self) -> bytes:
        """The next body."""
        way = self._ways[self._below(len(self._ways))]
        return way(self._below(len(self._bodies)))

    def _below(self, limit: int) -> int:
        return int(self._random() * limit)

    def _swap_values(self, index: int) -> bytes:
        tokens, places = self._tokens[index].copy(), self._places[index]
        for _ in range(1 + self._below(3)):
            tokens[places[self._below(len(places))]] = _VALUES[self._below(len(_VALUES))]
        return b"".join(tokens)

    def _swap_tokens(self, index: int) -> bytes:
        tokens = self._tokens[index].copy()
        for _ in range(1 + self._below(3)):
            tokens[self._below(len(tokens))] = _JUNK[self._below(len(_JUNK))]
        return b"".join(tokens)

    def _flip(self, index: int) -> bytes:
        body = bytearray(self._bodies[index])
        for _ in range(1 + self._below(4)):
            body[self._below(len(body))] ^= 1 << self._below(8)
        return bytes(body)

    def _cut(self, index: int) -> bytes:
        body = self._bodies[index]
        begin = self._below(len(body))
        return body[:begin] + body[begin + self._below(1 + len(body) - begin) :]

    def _splice(self, index: int) -> bytes:
        body, other = self._bodies[index], self._bodies[self._below(len(self._bodies))]
        return body[: self._below(len(body))] + other[self._below(len(other)) :]

    def _repeat(self, index: int) -> bytes:
        tokens = self._tokens[index]
        begin = self._below(len(tokens))
        end = begin + 1 + self._below(8)
        return b"".join(tokens[:end] + tokens[begin:])

    def _gather(self, index: int) -> bytes:
        """An array of bodies, some of them mutated and some arrays themselves."""
        count = 1 + self._below(2)
        return b"[" + b",".join([self._swap_values(index) for _ in range(count)] + [self._bodies[index]]) + b"]"
