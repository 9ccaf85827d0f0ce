"""`make demo` shows a rollout without Docker."""

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request

from tests.packaging.project import ROOT
from tests.support.harness import free_port


def test_the_demo_shows_a_rollout_and_ends() -> None:
    """Prometheus holds both versions of its fleet, and nothing is left running."""
    ports = {name: str(free_port()) for name in ("DEMO_PORT", "DEMO_METRICS_PORT", "DEMO_PROMETHEUS_PORT")}
    demo = subprocess.Popen(
        [ROOT / "tests/tools/demo"], env=os.environ | ports | {"DEMO_SECONDS": "240"}, stdout=subprocess.PIPE, text=True
    )
    query = urllib.parse.urlencode({"query": "sum by (version) (capgo_events_total) > 0"})
    versions: set[str] = set()
    deadline = time.monotonic() + 200
    while not versions and demo.poll() is None and time.monotonic() < deadline:
        time.sleep(1)
        try:
            address = f"http://127.0.0.1:{ports['DEMO_PROMETHEUS_PORT']}/api/v1/query?{query}"
            with urllib.request.urlopen(address, timeout=20) as reply:
                versions = {row["metric"]["version"] for row in json.load(reply)["data"]["result"]}
        except OSError:
            continue
    demo.terminate()
    said, _ = demo.communicate(timeout=120)

    assert "1.2.3" in versions
    assert f"http://127.0.0.1:{ports['DEMO_METRICS_PORT']}/" in said
    assert demo.returncode == 0
