"""What a real Loki says to the queries of *Events*: asked by hand, kept as data, drawn into the picture.

`python -m tests.dashboards.loki http://LOKI:3100 APP VERSION DEVICE` asks anew, for the hour that ends now, one that
holds the events of a fleet; after a change of the dashboard's queries, which are kept beside their answers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.dashboards import grafana
from tests.dashboards.grafana import Json

ANSWERS = Path(__file__).with_name("loki_answers.json")
LINES = 60
STEP_SECONDS = 300
_RANGE_SECONDS = 3600


def recorded() -> Json:
    """`app_id`, `version`, `device`, `end` (seconds), and `answers`, each with its panel, letter, query and data."""
    return dict(json.loads(ANSWERS.read_text()))


def ask(url: str, target: Json, variables: Mapping[str, str], end: float) -> Any:
    """The data of a target's reply; `HTTPError` if Loki refuses."""
    built_in = {"__range": f"{_RANGE_SECONDS}s", "__auto": f"{STEP_SECONDS}s"}
    query = {"query": grafana.substitute(target["expr"], {**variables, **built_in})}
    if target["queryType"] == "instant":
        path, query = "query", query | {"time": f"{end:.3f}"}
    else:
        window = {"start": f"{end - _RANGE_SECONDS:.3f}", "end": f"{end:.3f}", "step": str(STEP_SECONDS)}
        path, query = "query_range", query | window | {"limit": str(LINES), "direction": target.get("direction", "")}
        query = {name: value for name, value in query.items() if value}
    with urlopen(f"{url}/loki/api/v1/{path}?{urlencode(query)}", timeout=120) as reply:  # noqa: S310  # by hand
        data = json.load(reply)["data"]
    return {name: data[name] for name in ("resultType", "result")}


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a real Loki what the dashboard Events asks.")
    for name in ("url", "app_id", "version", "device"):
        parser.add_argument(name)
    given = parser.parse_args()
    end = time.time()
    escaped = {name: getattr(given, name).replace(".", r"\\.") for name in ("app_id", "version")}
    variables = escaped | {"platform": ".+", "action": ".+", "environment": "production", "min_events": "20"}
    variables["device"] = given.device
    answers = [
        {
            "panel": panel["title"],
            "refId": target["refId"],
            "expr": target["expr"],
            "data": ask(given.url, target, variables, end),
        }
        for panel in grafana.panels(grafana.load()["live-updates-events"])
        for target in grafana.asked(panel, "loki")
    ]
    kept = {"app_id": given.app_id, "version": given.version, "device": given.device, "end": end, "answers": answers}
    ANSWERS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
