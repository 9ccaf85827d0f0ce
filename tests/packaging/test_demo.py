"""`make demo` shows a rollout without Docker, and compose's demo the like."""

import json
import os
import re
import shlex
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from itertools import islice

import pytest

from exporter.commandline import read
from exporter.simulator.fleet import population
from exporter.simulator.options import Options
from exporter.simulator.phone import Step
from tests.packaging.project import ROOT, load
from tests.support.harness import free_port

COMPOSE = " ".join(load("dashboards/demo/docker-compose.yml")["services"]["fleet"]["command"])
SCRIPT = (ROOT / "tests/tools/demo").read_text().replace("\\\n", " ")


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


@pytest.mark.parametrize("commands", [COMPOSE, SCRIPT], ids=["compose", "make"])
def test_either_demo_has_a_version_that_installs_fine_and_crashes(commands: str) -> None:
    """On iOS, by what its phones say: hardly an update fails, and visits crash twice as often as the others'."""
    [words] = re.findall(r"simulate (--[^>]*)", re.sub(r"\$\{?\w+\}?", "1", commands))
    told = told_on_ios(read(Options, "simulate", shlex.split(words)))

    assert told["1.2.4", "set"] > 300
    assert told["1.2.4", "update_fail"] < 0.01 * told["1.2.4", "set"]
    new, old = (told[version, "app_crash"] / told[version, "app_moved_to_foreground"] for version in ("1.2.4", "1.2.3"))
    assert new > 2 * old > 0


def told_on_ios(options: Options) -> Counter[tuple[str | None, str]]:
    """What the clients that can tell of crashes say in a while, by version and action."""
    able = [(phone, story) for phone, story in population(options) if phone.dialect.platform == "ios"]
    return Counter(
        (moment.version_name, moment.action)
        for phone, story in able
        if phone.reports == "crashes"
        for moment in islice(story, 2000)
        if isinstance(moment, Step)
    )
