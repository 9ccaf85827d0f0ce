"""Waits for what happens on many connections at once.

waitress' own loop asks each connection at each turn what it waits for, which with 2,000 phones that keep theirs open
takes longer than all the rest of a post. Here the kernel keeps that (epoll): a turn sees those to which something
happened, however many others are open. In return each has to say what it waits for, by `watch`, whenever that changes.
"""

import select
import threading
from typing import Any

from waitress import wasyncore


class Poller(dict[int, Any]):
    """waitress' map of what it serves by file descriptor. What is put in is watched for something to read, once."""

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()
        # That a descriptor is not closed, and given to another connection, between a look and its use.
        self._lock = threading.Lock()

    def __setitem__(self, descriptor: int, served: Any) -> None:
        super().__setitem__(descriptor, served)
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLONESHOT)

    def __delitem__(self, descriptor: int) -> None:
        with self._lock:
            super().__delitem__(descriptor)
            self._epoll.unregister(descriptor)

    def watch(self, descriptor: int, served: Any) -> None:
        """From now on watch for what it waits for now, until that happens once; from any thread."""
        with self._lock:
            closed = self.get(descriptor) is not served  # in the meantime
            if closed:
                return
            wanted = select.EPOLLONESHOT
            if served.readable():
                wanted |= select.EPOLLIN
            if served.writable():
                wanted |= select.EPOLLOUT
            self._epoll.modify(descriptor, wanted)

    def turn(self, timeout: float) -> None:
        """Wait until something happens, for so many seconds at the most, and have it dealt with."""
        for descriptor, happened in self._epoll.poll(timeout):
            served = self.get(descriptor)
            if served is not None:
                wasyncore.readwrite(served, happened)
                if served.readable() or served.writable():  # else a worker has it, and will say
                    self.watch(descriptor, served)

    def close(self) -> None:
        """Close all that is served."""
        wasyncore.close_all(self, ignore_all=True)
        self._epoll.close()
