"""What a real Loki says to the queries of *Events*: asked by hand, kept as data, drawn into the picture.

`python -m tests.dashboards.loki http://LOKI:3100 APP VERSION DEVICE MINUTES` asks anew, about the minutes that end now
(or at `--end`); it is needed after a change of the dashboard's queries, which are kept beside their answers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.dashboards import grafana
from tests.dashboards.grafana import Json

ANSWERS = Path(__file__).with_name("loki_answers.json")
LINES = 60
"""More than the picture has room for."""


def recorded() -> Json:
    """`app_id`, `version`, `device`, `start` and `end` in seconds, and `answers`: panel, letter, query and data."""
    return dict(json.loads(ANSWERS.read_text()))


def queries() -> Iterator[tuple[str, Json]]:
    """What the dashboard asks a log store, each with the title of its panel."""
    for panel in grafana.panels(grafana.load()["live-updates-events"]):
        for target in grafana.asked(panel, "loki"):
            yield panel["title"], target


def ask(url: str, target: Json, variables: Mapping[str, str], start: float, end: float) -> Json:
    """The data of Loki's reply; `HTTPError` if it refuses."""
    step = max(int((end - start) / 60), 1)
    built_in = {"__range": f"{end - start:.0f}s", "__auto": f"{step}s"}
    query = {"query": grafana.substitute(target["expr"], {**variables, **built_in})}
    if target["queryType"] == "instant":
        path, query = "query", query | {"time": f"{end:.3f}"}
    else:
        path, query = "query_range", query | {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)}
        query |= {"limit": str(LINES), "direction": target.get("direction", "backward")}
    with urlopen(f"{url}/loki/api/v1/{path}?{urlencode(query)}", timeout=120) as reply:  # noqa: S310  # by hand
        data: dict[str, Any] = json.load(reply)["data"]
    return {"resultType": data["resultType"], "result": data["result"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a real Loki what the dashboard Events asks.")
    for name in ("url", "app_id", "version", "device"):
        parser.add_argument(name)
    parser.add_argument("minutes", type=int)
    parser.add_argument("--end", type=float, default=time.time(), help="seconds since the epoch")
    given = parser.parse_args()
    end = given.end
    start = end - given.minutes * 60
    variables = {name: getattr(given, name).replace(".", r"\\.") for name in ("app_id", "version")}
    variables |= {"platform": ".+", "action": ".+", "environment": "production", "min_events": "20"}
    variables |= {"device": given.device}
    answers = [
        {"panel": title, "refId": target["refId"], "expr": target["expr"]}
        | {"data": ask(given.url, target, variables, start, end)}
        for title, target in queries()
    ]
    about = {"app_id": given.app_id, "version": given.version, "device": given.device, "start": start, "end": end}
    ANSWERS.write_text(json.dumps(about | {"answers": answers}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
