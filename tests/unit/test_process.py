"""The end of the process comes whenever it is asked for."""

import subprocess
import sys

SIGNALS_AT_ANY_MOMENT = """
import os, random, signal, sys, time
from exporter.process import End

end = End()
parent = os.getpid()
if (child := os.fork()) == 0:
    for _ in range(5_000):
        os.kill(parent, signal.SIGTERM)
        until = time.perf_counter() + random.uniform(0.0001, 0.0003)
        while time.perf_counter() < until:
            pass
    os._exit(0)
while os.waitpid(child, os.WNOHANG) == (0, 0):
    os.kill(parent, signal.SIGTERM)  # so that there is always one to wait for
    end.wait()
sys.exit(end.code)
"""


def test_a_signal_is_heard_at_any_moment_even_right_before_the_wait() -> None:
    """With a `threading.Event` the fourth signal hung in its handler, for the lock that its own thread held."""
    done = subprocess.run([sys.executable, "-c", SIGNALS_AT_ANY_MOMENT], timeout=60, check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
