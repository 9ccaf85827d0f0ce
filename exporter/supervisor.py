"""What systemd is told of the process, if it is the one who started it: it serves, it still works, it ends.

sd_notify(3): one datagram a message, to the socket that `NOTIFY_SOCKET` names. Whoever else starts the process sets no
such variable, and nothing is sent.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Supervisor:
    """Any thread may tell it something; it never waits, and never fails."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watches = bool(name) and watched and environment.get("WATCHDOG_USEC", "0") != "0"
        """Whether it ends a process that it does not hear from (`WatchdogSec=`)."""

    def ready(self) -> None:
        """Posts are taken."""
        self._tell("READY=1")

    def works(self) -> None:
        """Posts are still counted."""
        self._tell("WATCHDOG=1")

    def ends(self) -> None:
        """The end was asked for."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), self._address)
