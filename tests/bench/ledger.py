"""What counting costs inside the process, from a body's bytes to the commit: `python -m tests.bench.ledger`.

Prints CPU time per event for single posts and for arrays, the floor beside it (msgspec's decoding alone), bytes on
disk per event, and what a full memory of fingerprints costs in RSS and at a start. Ratios are of the same run.
"""

import itertools
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from exporter.wire.events import decode
from tests.support.spine import MEMORY, Spine

ROUNDS = 7
EVENTS = 10_000

DEVICES = 3333
"""They speak again and again, each of one version."""

_turns = itertools.count()
_moments = itertools.count(int(time.time() * 1000) - 10_000_000)
ACTIONS = ("set", "download_10", "download_50", "download_complete", "app_moved_to_foreground")


def event() -> dict[str, object]:
    """An event of a current Android client."""
    moment = next(_moments)
    return {
        "platform": "android",
        "device_id": f"4f6c0b4e-2f6e-4b47-9a52-{moment % 10**12:012d}",
        "app_id": "com.acme.notes",
        "custom_id": "",
        "version_build": "1.2.0",
        "version_code": "120",
        "version_os": "16",
        "version_name": f"1.2.{moment % 3}",
        "plugin_version": "8.51.23",
        "is_emulator": False,
        "is_prod": True,
        "install_source": "google_play",
        "defaultChannel": "production",
        "old_version_name": "1.1.0",
        "action": ACTIONS[moment % len(ACTIONS)],
        "timestamp": moment,
    }


def bodies(events: int, size: int) -> list[bytes]:
    """That many events, in arrays of that size, each of one of the devices in turn."""
    return [_array(next(_turns) % DEVICES, size) for _ in range(events // size)]


def _array(device: int, size: int) -> bytes:
    about = {"device_id": f"4f6c0b4e-2f6e-4b47-9a52-{device:012d}", "version_name": f"1.2.{device % 3}"}
    return json.dumps([event() | about for _ in range(size)], separators=(",", ":")).encode()


def cpu(work: Iterator[object]) -> float:
    """Seconds of CPU, in the kernel too, of exhausting an iterator."""
    before = time.process_time()
    for _ in work:
        pass
    return time.process_time() - before


def per_event(size: int) -> None:
    """Alternate the whole way and the floor."""
    whole, floor = [], []
    with tempfile.TemporaryDirectory() as folder:
        spine = Spine(Path(folder))
        for _ in range(ROUNDS):
            posts = bodies(EVENTS, size)
            whole.append(cpu(spine.post(body) for body in posts) / EVENTS * 1e6)
            floor.append(cpu(decode(body, 1000) for body in posts) / EVENTS * 1e6)
        spine.close()
        disk = (Path(folder) / "ledger.db").stat().st_size / (ROUNDS * EVENTS)
    ratio = statistics.median(a / b for a, b in zip(whole, floor, strict=True))
    print(
        f"arrays of {size:>3}: {min(whole):6.2f} {statistics.median(whole):6.2f} {max(whole):6.2f} us CPU an event"
        f" (min, median, max); decoding alone {statistics.median(floor):5.2f}; ratio {ratio:5.1f};"
        f" {disk:5.1f} bytes an event on disk"
    )


def full_memory() -> None:
    """Fill the memory of fingerprints, then start again over it."""
    with tempfile.TemporaryDirectory() as folder:
        spine = Spine(Path(folder))
        started = rss()
        for body in _stream(MEMORY + MEMORY // 10):
            spine.post(body)
        print(f"a full memory of {MEMORY:,}: {rss() - started:.0f} MB more than at the start ({started:.0f} MB)")
        spine.close()
        size = (Path(folder) / "ledger.db").stat().st_size
        before = time.perf_counter()
        Spine(Path(folder)).close()
        print(f"a start with it: {time.perf_counter() - before:.2f} s, from a file of {size / 2**20:.0f} MB")


def _stream(events: int) -> Iterator[bytes]:
    for _ in range(events // 1000):
        yield from bodies(1000, 50)


def rss() -> float:
    """MB of the process at its largest so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    full_memory()
    for batch in (1, 5, 50, 200):
        per_event(batch)
