"""The end of the process comes whenever it is asked for, and does not take for ever."""

import subprocess
import sys

import pytest

SIGNALS_AT_ANY_MOMENT = """
import os, random, signal, sys, time
from exporter.process import End

parent = os.getpid()
ready, begin = os.pipe()
if (child := os.fork()) == 0:
    os.read(ready, 1)
    for _ in range(5_000):
        os.kill(parent, signal.SIGTERM)
        until = time.perf_counter() + random.uniform(0.0001, 0.0003)
        while time.perf_counter() < until:
            pass
    os._exit(0)
end = End(1000)
os.write(begin, b"x")
while os.waitpid(child, os.WNOHANG) == (0, 0):
    os.kill(parent, signal.SIGTERM)  # so that there is always one to wait for
    end.wait()
sys.exit(end.code)
"""


def run(program: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-c", program]
    return subprocess.run(argv, timeout=120, check=False, stdout=subprocess.PIPE, **settings)  # type: ignore[call-overload, no-any-return]


def test_a_signal_is_heard_at_any_moment_even_right_before_the_wait() -> None:
    """With a `threading.Event` the fourth signal hung in its handler, for the lock that its own thread held."""
    done = run(SIGNALS_AT_ANY_MOMENT, stderr=subprocess.PIPE)

    assert (done.returncode, done.stderr) == (0, b"")


HANGING = """
import os, signal, threading
from exporter import logs
from exporter.process import End

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
