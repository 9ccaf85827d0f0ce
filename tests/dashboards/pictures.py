"""The pictures of the documentation, drawn anew: `python -m tests.dashboards.pictures`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.dashboards import browser, grafana, loki
from tests.dashboards.browser import Picture, Seen
from tests.dashboards.history import SHOP, STEP, History, write_history
from tests.dashboards.programs import RELEASES
from tests.dashboards.store import END, write_blocks
from tests.support.monitoring import Prometheus, Queried

NAMES = ("overview", "rollout", "downloads", "exporter", "events")
COMMITTED = Path(__file__).resolve().parents[2] / "dashboards" / "pictures"
HOURS = 12
_CHOSEN = {"rollout": {"app_id": SHOP}, "downloads": {"app_id": SHOP}}


def take(history: History, prometheus: Queried, directory: Path) -> dict[str, Seen]:
    """A picture of each dashboard, NAME.png in `directory`, and what its page said."""
    browser.build()
    orders = [of_events(history, directory) if name == "events" else of(name, history, directory) for name in NAMES]
    seen = browser.photograph(f"http://127.0.0.1:{prometheus.port}", f"{STEP}s", orders)
    return dict(zip(NAMES, seen, strict=True))


def of(name: str, history: History, directory: Path) -> Picture:
    return Picture(
        grafana.DASHBOARDS / f"live-updates-{name}.json",
        directory / f"{name}.png",
        history.end - HOURS * 3600,
        history.end,
        _CHOSEN.get(name, {}),
    )


def of_events(history: History, directory: Path) -> Picture:
    """The failing devices of the version at fault, as a real Loki told of them."""
    told = loki.recorded()
    return Picture(
        grafana.DASHBOARDS / "live-updates-events.json",
        directory / "events.png",
        history.end - (told["end"] - told["start"]),
        history.end,
        {name: told[name] for name in ("app_id", "version", "device")},
        loki.ANSWERS,
    )


def main() -> None:
    history = write_history(END)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_blocks(history, directory)
        with Prometheus(directory, {}, binary=RELEASES[1].prometheus) as prometheus:
            COMMITTED.mkdir(exist_ok=True)
            for dashboard, seen in take(history, prometheus, COMMITTED).items():
                print(dashboard, "drawn" if seen.drawn and not seen.errors else seen.errors)


if __name__ == "__main__":
    main()
