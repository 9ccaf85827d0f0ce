"""The end of the process comes whenever it is asked for, and does not take for ever."""

import subprocess
import sys

import pytest

SIGNALS_TOGETHER = """
import os, random, signal, sys, threading, time
from exporter.process import End

end = End(1000)
threads = [threading.Thread(target=time.sleep, args=(1000,), daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
hangups = threading.Semaphore(0)
end.on_hangup = hangups.release
for _ in range(2_000):
    for number in random.sample([signal.SIGHUP, random.choice([signal.SIGTERM, signal.SIGINT])], 2):
        os.kill(os.getpid(), number)
    end.wait()
    hangups.acquire()
sys.exit(end.code)
"""


def run(program: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-c", program]
    return subprocess.run(argv, timeout=120, check=False, stdout=subprocess.PIPE, **settings)  # type: ignore[call-overload, no-any-return]


def test_signals_that_come_together_are_all_heard() -> None:
    """The system gives the second to any thread, which does not wake the main one: a stop beside a reload got lost."""
    done = run(SIGNALS_TOGETHER, stderr=subprocess.PIPE)

    assert (done.returncode, done.stderr) == (0, b"")


HANGING = """
import os, signal, threading
from exporter import logs
from exporter.process import End, take_signals

take_signals()
with logs.written("info", "json"):
    end = End({limit})
    {ask}
    end.wait()
    print("draining", flush=True)
    threading.Event().wait()
"""
ASKS = {"a signal": "os.kill(os.getpid(), signal.SIGTERM)", "a failure": "threading.Thread(target=end.fail).start()"}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_an_end_that_hangs_comes_all_the_same(ask: str) -> None:
    """Whatever it waits for; the log says that it was not orderly."""
    done = run(HANGING.format(limit=0.2, ask=ask), stderr=subprocess.PIPE)

    assert done.returncode == 1
    assert done.stdout == b"draining\n"
    assert b'"ended_late"' in done.stderr


def test_a_log_that_nobody_reads_does_not_hold_it() -> None:
    """The pipe is full, so that the last word can't be said."""
    fill = (
        "os.set_blocking(2, False)\n    try:\n        while True: os.write(2, b'x' * 512)\n    except OSError: pass\n"
    )
    program = HANGING.format(limit=0.2, ask=fill + "    os.set_blocking(2, True)\n    " + ASKS["a signal"])
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"draining\n"
        assert process.wait(120) != 0
