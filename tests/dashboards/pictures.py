"""The pictures of the documentation, drawn anew: `python -m tests.dashboards.pictures [--blind DIRECTORY]`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.dashboards import browser, grafana, loki
from tests.dashboards.browser import Picture, Seen
from tests.dashboards.history import STEP, History
from tests.dashboards.programs import RELEASES
from tests.dashboards.scenarios import BANK, CHAT, GYM, MAPS, NEWS, SHOP
from tests.dashboards.store import made
from tests.support.monitoring import Prometheus, Queried

OF_PROMETHEUS = ("overview", "rollout", "health", "downloads", "exporter")
NAMES = (*OF_PROMETHEUS, "events")
COMMITTED = Path(__file__).resolve().parents[2] / "dashboards" / "pictures"
SINCE = "now-12h"
INSTALLED_FINE = {"white": BANK, "slow": GYM}
"""Other apps of which Health is shown."""
BLIND = (NEWS, SHOP, CHAT, MAPS, BANK, GYM)
"""Apps whose dashboards somebody who has never seen them is to judge, each a rollout of its own."""
PAGED = ("overview", "rollout", "health", "downloads")
"""What one opens who is paged."""


def chosen(name: str, app_id: str, others: tuple[str, ...] = ()) -> dict[str, str]:
    """The variables of a dashboard opened for an app; Overview may show others beside it."""
    return {} if name == "exporter" else {"app_id": "|".join((app_id, *others)) if name == "overview" else app_id}


def take(history: History, prometheus: Queried, orders: list[Picture]) -> list[Seen]:
    """Draw what is ordered; what each page said."""
    return browser.photograph(f"http://127.0.0.1:{prometheus.port}", f"{STEP}s", history.end, orders)


def order(name: str, directory: Path, variables: dict[str, str], whole: bool = True) -> Picture:
    """A dashboard as NAME.png and its first screen as NAME-first.png."""
    return Picture(
        grafana.DASHBOARDS / f"live-updates-{name}.json",
        directory / f"{name}-first.png",
        directory / f"{name}.png" if whole else None,
        SINCE,
        variables,
    )


def documentation(directory: Path) -> list[Picture]:
    """The shop's bad rollout, beside another app in Overview; and in Health one that installs fine and crashes."""
    apps = dict.fromkeys(OF_PROMETHEUS, SHOP) | {"health": CHAT}
    return [*(order(name, directory, chosen(name, app, (NEWS,))) for name, app in apps.items()), of_events(directory)]


def installed_fine(directory: Path) -> list[Picture]:
    """First screens of Health, for versions that are broken in other ways."""
    return [
        order("health", directory, chosen("health", app_id), whole=False)._replace(
            first=directory / f"health-{how}-first.png"
        )
        for how, app_id in INSTALLED_FINE.items()
    ]


def blind(directory: Path) -> list[Picture]:
    """First screens only, NUMBER/DASHBOARD-first.png, without a word about what is wrong."""
    return [
        order(name, directory / str(number), chosen(name, app_id), whole=False)
        for number, app_id in enumerate(BLIND, start=1)
        for name in PAGED
    ]


def of_events(directory: Path) -> Picture:
    """The failing devices of the version at fault, as a real Loki told of them."""
    told = loki.recorded()
    variables = {name: told[name] for name in ("app_id", "version", "device")}
    minutes = round((told["end"] - told["start"]) / 60)
    return order("events", directory, variables)._replace(since=f"now-{minutes}m", later=30, loki=loki.ANSWERS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the pictures of the documentation.")
    parser.add_argument(
        "--blind",
        type=Path,
        help="draw first screens of several rollouts into this directory instead, each in a numbered folder",
    )
    directory = parser.parse_args().blind
    browser.build()
    history, storage = made()
    orders = blind(directory) if directory else [*documentation(COMMITTED), *installed_fine(COMMITTED)]
    newer = RELEASES[1].prometheus
    with (
        tempfile.TemporaryDirectory() as name,
        Prometheus(Path(name), {}, binary=newer, storage=storage) as prometheus,
    ):
        for picture in orders:
            picture.first.parent.mkdir(parents=True, exist_ok=True)
        for picture, seen in zip(orders, take(history, prometheus, orders), strict=True):
            print(picture.first.stem, "drawn" if seen.drawn and not seen.errors else seen.errors)


if __name__ == "__main__":
    main()
