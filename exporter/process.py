"""What the process asks of its system and of Python, so that it serves many connections in little memory."""

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_MMAP_THRESHOLD: Final = 128 * 1024


def allow_files(needed: int) -> None:
    """Ask for so many open files: most systems start a process with 1,024 and let it ask for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))


def return_freed_memory() -> None:
    """Have every large block given back to the system when it is freed.

    By itself glibc soon takes blocks of up to 32 MiB from heaps of each thread's own, where they stay: 8 threads that
    have met a large post each would hold hundreds of MB. (Elsewhere malloc has no such function, nor the habit.)
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)


def take_short_turns() -> None:
    """Have a thread that computes let others go on after half a millisecond, not five.

    A scrape of 100,000 series computes for a tenth of a second, and a post needs several turns until its reply.
    """
    sys.setswitchinterval(0.0005)


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """What is made in the meantime lives as long as the process: the collector leaves it alone, then and later.

    To look through a ledger of 100,000 series again and again would stall posts, and double the time of its loading.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
