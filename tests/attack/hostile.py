"""`python -m tests.attack.hostile PORT SECONDS [CONNECTIONS]`: everything that must not hurt, all at once.

A flood of forged events as fast as it goes on that many connections, `SLOW` connections that send a byte now and
then, and `NASTY` ones that send what no client sends.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import cycle
from typing import Final

from tests.support.mutator import Mutator, seeds

SLOW: Final = 64
NASTY: Final = 8
FLOOD: Final = 256
PAUSE: Final = 0.1
"""Seconds between two posts of a nasty connection."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def request(body: bytes, *headers: str, method: str = "POST", path: str = "/stats") -> bytes:
    """A whole request."""
    head = [f"{method} {path} HTTP/1.1", "Host: stats.example.com", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def forged(chance: random.Random) -> dict[str, object]:
    """An event of a random app, version, action and platform, some of them the same now and then."""
    return {
        "app_id": f"com.forged.app{chance.randrange(10 ** chance.randrange(1, 7))}",
        "action": chance.choice(("set", "download_fail", "update_fail", f"forged_{chance.random()}")),
        "platform": chance.choice(("android", "ios", "electron", f"os{chance.random()}")),
        "version_name": f"{chance.randrange(10 ** chance.randrange(1, 7))}.0",
        "device_id": f"{chance.getrandbits(128):032x}",
        "timestamp": 1_794_990_000_000 + chance.randrange(10**9),
        "plugin_version": "8.51.23",
    }


def nasty(chance: random.Random) -> Iterator[bytes]:
    """Requests that no client sends, round and round."""
    mutator = Mutator(seeds(), chance.getrandbits(32))
    good = b'{"app_id":"com.forged.deep","action":"set"}'
    deep = b"[" + good + b"," + b"[" * 100_000 + b"]" * 100_000 + b"]"
    fixed = [
        request(b" " * (5 * 2**20)),
        request(b"[" * 200_000),
        request(deep),
        request(b'{"a":' * 200_000),
        request(b'{"app_id":"com.forged.utf","action":"\xff\xfe\xed\xa0\x80","version_name":"\xc3\x28"}'),
        request(b"[" + b",".join([good] * 1000) + b"]"),
        request(b"[" + b",".join([good] * 1001) + b"]"),
        request(b'{"app_id":"com.forged.number","action":"set","timestamp":' + b"9" * 100_000 + b"}"),
        request(good, "Content-Encoding: gzip"),
        request(b"", "X: " + "x" * 20_000),
        request(good, method="BREW"),
        request(good, path="/" + "x" * 5000),
        b"POST /stats HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /stats HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/9.9\r\n\r\n\r\n\r\n",
    ]
    for odd in cycle(fixed):
        yield odd
        yield request(mutator.body())


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    _, found, rest = head.lower().partition(b"content-length:")
    await reader.readexactly(int(rest.split(b"\r\n", 1)[0]) if found else 0)


async def _for_ever(port: int, talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Talk on one connection after the other; that they end is no surprise."""
    while True:
        with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await talk(reader, writer)
            finally:
                writer.close()
        await asyncio.sleep(0.01)


async def attack(port: int, seconds: float, connections: int) -> None:
    """All of it, for so long."""
    chance = random.Random(1)
    bodies = [json.dumps(forged(chance)).encode() for _ in range(20_000)]
    bodies += [json.dumps([forged(chance) for _ in range(20)]).encode() for _ in range(1000)]
    posts = cycle([request(body) for body in bodies])

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(next(posts))
            await _answered(reader)

    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in request(b" " * 10_000):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.5)

    async def be_nasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for odd in oddities:
            writer.write(odd)
            await asyncio.wait_for(_answered(reader), 30)
            await asyncio.sleep(PAUSE)

    oddities = nasty(chance)
    talks = [flood] * connections + [trickle] * SLOW + [be_nasty] * NASTY
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(_for_ever(port, talk) for talk in talks))


if __name__ == "__main__":
    asyncio.run(attack(int(sys.argv[1]), float(sys.argv[2]), int((sys.argv[3:] or [str(FLOOD)])[0])))
