"""What dashboards say where the long history has nothing to say: of an app's first version, of neighbours alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.dashboards import grafana
from tests.dashboards.claims import Claim
from tests.dashboards.programs import RELEASES, Release
from tests.dashboards.rule_cases import ANDROID, JOB, Series, events, of

DASHBOARDS = grafana.load()
CHOSEN = dict.fromkeys(("job", "instance", "platform", "baseline"), ".+")
NO_OTHERS, TOO_FEW = -2, -3
ALWAYS, NOT_YET = 0, -1


def asked(dashboard: str, title: str, which: str, version: str = "1.4.2", app_id: str = ANDROID["app_id"]) -> str:
    """A panel's query as Prometheus gets it for the last hour, by its letter or the heading of its column."""
    chosen = CHOSEN | {"app_id": app_id, "version": version}
    view = grafana.View(DASHBOARDS[f"live-updates-{dashboard}"], 0, 3600, lambda *_: [], 60, chosen)
    (panel,) = (panel for panel in grafana.panels(view.dashboard) if panel["title"] == title)
    headings = grafana.headings(panel) if panel["type"] == "table" else {}
    (target,) = (one for one in panel["targets"] if headings.get(one["refId"], one["refId"]) == which)
    return view.ask(panel, target).expr


def running(**versions: str) -> Series:
    """Devices heard from within a day, by version."""
    labels = f'app_id="{ANDROID["app_id"]}",platform="android",window="1d"'
    return {f'capgo_devices{{{JOB},{labels},version="{version}"}}': values for version, values in versions.items()}


def exporters(**of_target: Mapping[tuple[str, str], str]) -> Series:
    """Exporters that differ by nothing but their namespace: what each shows, by metric and its own label."""
    given = 'job="capgo-exporter",instance="capgo-exporter-0",namespace'
    return {
        f'{name}{{{given}="{namespace}"{more}}}': values
        for namespace, metrics in of_target.items()
        for (name, more), values in metrics.items()
    }


STARTED = {("capgo_exporter_build_info", ',version="1.0"'): "1x64", ("process_start_time_seconds", ""): "240x64"}
BROKEN = events(set=5, update_fail=5, download_complete=5, download_zip_start=5, download_zip_complete=5)
FEW = of(ANDROID, set=0.2, update_fail=0.2, download_complete=0.2, download_zip_start=0.2, download_zip_complete=0.2)
WORSE = "Worse than the baseline?"
CLAIMS = [
    *(
        Claim(f"{words} ({heading} in {name})", asked(name, WORSE, heading), series, answer)
        for words, series, answer in (
            ("a first version that fails everywhere has no others, which is not too few", BROKEN, NO_OTHERS),
            ("of twelve attempts nothing can be said", FEW, TOO_FEW),
        )
        for name in ("rollout", "health")
        for heading in ("Updates", "Downloads")
    ),
    Claim(
        "devices all of which run the first version always did",
        asked("rollout", "Adopted", "B", "first"),
        running(first="1x64"),
        ALWAYS,
    ),
    Claim(
        "so did those that Prometheus has known for less long than the version",
        asked("rollout", "Adopted", "B", "old"),
        running(old="95x64", older="5x64"),
        ALWAYS,
    ),
    Claim(
        "a version that half of the devices run is not yet run by nine of ten",
        asked("rollout", "Adopted", "C", "old"),
        running(old="50x64", older="50x64"),
        NOT_YET,
    ),
    Claim(
        "exporters of two namespaces may have one name",
        asked("exporter", "Exporters", "Running for"),
        exporters(production=STARTED, staging=STARTED),
        3600,
    ),
    *(
        Claim(
            f"versions of one name of two apps are two lines ({title})",
            f"count({asked(name, title, heading, app_id='.+', version='.+')})",
            {
                key: values
                for app_id in ("com.example.notes", "com.example.shop")
                for key, values in of(
                    {**ANDROID, "platform": platform, "app_id": app_id}, set=5, download_manifest_file_fail=1
                ).items()
            },
            2,
        )
        for name, title, heading, platform in (
            ("overview", "Clients that set at each launch", "Launches", "electron"),
            ("downloads", "Files that failed", "Events", "ios"),
        )
    ),
    Claim(
        "what was set before the time range and is rolled back in it leaves none that was kept, and not less",
        asked("rollout", "How far attempts get", "Kept"),
        events(set=0.5, update_fail=2),
        0,
    ),
]


@pytest.mark.parametrize("release", RELEASES, ids=[release.name for release in RELEASES])
@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.words for claim in CLAIMS])
def test_a_panel_says_it(release: Release, claim: Claim, tmp_path: Path) -> None:
    """Of both Prometheus lines."""
    claim.check(release, tmp_path, within=0.02)
