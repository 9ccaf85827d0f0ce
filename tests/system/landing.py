"""The landing page's picture in README, taken anew: `python -m tests.system.landing`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.bodies import event, events
from tests.support.browser import Reader, visit
from tests.support.harness import Exporter

PICTURE = Path(__file__).resolve().parents[2] / "dashboards/pictures/landing.png"
APPS = "com.example.shop,com.example.notes"
GRAFANA = "http://localhost:3000"


def tell(exporter: Exporter) -> None:
    """The first tries of an afternoon: a good version, a bad one, a simulator, and an app that is not taken."""
    good = [event(version_name="1.4.1", action=action) for action in ("download_complete", "set", "app_launch_ready")]
    bad = [event(version_name="1.4.2", action=action) for action in ("download_complete", "set", "update_fail")]
    tried = events(2, version_name="1.4.2", platform="ios", is_emulator=True)
    for body in (good * 2, bad + events(4, version_name="1.4.2"), tried, events(12, app_id="com.example.shopp")):
        exporter.post(body)
    exporter.post({"app_id": "com.example.notes", "action": "set", "platform": "ios", "version_name": "2.0.0"})


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        settings = {"apps": APPS, "grafana_url": GRAFANA, "data_dir": "data", "zero_hold": "150s"}
        with Exporter(Path(directory), **settings) as exporter:
            tell(exporter)
            exporter.scrape()
            for seen in visit(f"http://{exporter.metrics_address}/", [Reader(width=1000, picture=str(PICTURE))]):
                print(seen.text)


if __name__ == "__main__":
    main()
