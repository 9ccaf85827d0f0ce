"""Writes every generated file: `python -m dashboards.generator --help`."""

import argparse
import json
from pathlib import Path
from typing import Final

from dashboards.generator.alerts import groups
from dashboards.generator.downloads import downloads
from dashboards.generator.events import events
from dashboards.generator.exporter import exporter
from dashboards.generator.health import health
from dashboards.generator.links import COMPOSE, RUNBOOK_PAGE, Links
from dashboards.generator.overview import overview
from dashboards.generator.recordings import longterm, recordings
from dashboards.generator.rollout import rollout
from dashboards.generator.rules import grafana_rules, longterm_rules, operator_rules, prometheus_rules, recording_rules
from dashboards.generator.runbook import runbook
from dashboards.generator.timescale import Timescale, seconds
from dashboards.generator.yaml import dump

HOME: Final = Path(__file__).resolve().parents[1]
_COMMENT: Final = "Written by `python -m dashboards.generator`: change the generator, not this file."


def files(scale: Timescale, links: Links = COMPOSE, backup_within: str | None = None) -> dict[str, str]:
    """The text of each generated file, by its path under `dashboards/`."""
    texts = {
        f"grafana/{dashboard['uid']}.json": json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
        for dashboard in (overview(scale), rollout(scale), health(scale), downloads(scale), exporter(), events())
    }
    alerts = groups(scale, backup_within)
    rules = {
        "capgo.recording.rules.yml": recording_rules(recordings(scale)),
        "capgo.longterm.rules.yml": longterm_rules(longterm(scale), scale),
        "capgo.rules.yml": prometheus_rules(alerts, links),
    }
    return texts | {
        f"prometheus/{RUNBOOK_PAGE}": runbook((HOME / "README.md").read_text()),
        **{f"prometheus/{name}": dump(rule, _COMMENT) for name, rule in rules.items()},
        "kubernetes/monitoring/rules.yaml": dump(operator_rules(*rules.values()), _COMMENT),
        "grafana/provisioning/alerting/capgo.yml": dump(grafana_rules(alerts, scale, links), _COMMENT),
    }


def _duration(text: str) -> str:
    seconds(text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m dashboards.generator", description="Write the dashboards and the alert rules."
    )
    parser.add_argument("directory", nargs="?", type=Path, default=HOME, help="where to write (default: dashboards/)")
    parser.add_argument(
        "--scale",
        type=int,
        default=1,
        metavar="N",
        help="divide all windows and durations by N, for a proof that runs for minutes",
    )
    parser.add_argument(
        "--grafana",
        default=COMPOSE.grafana,
        metavar="URL",
        help="where the dashboards that alerts link to are (default: %(default)s)",
    )
    parser.add_argument(
        "--runbook",
        default=COMPOSE.runbook,
        metavar="URL",
        help="the page with a heading for each alert (default: %(default)s)",
    )
    parser.add_argument(
        "--backup-within",
        type=_duration,
        metavar="DURATION",
        help="have an alert for a ledger that was not copied for so long, such as 36h (default: none)",
    )
    arguments = parser.parse_args()
    links = Links(arguments.grafana.rstrip("/"), arguments.runbook)
    for name, text in files(Timescale(arguments.scale), links, arguments.backup_within).items():
        path = arguments.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
