"""Panels in Grafana's classic schema. Sizes are in Grafana's grid: 24 columns, a row of 30 pixels and a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

DATA_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
TOO_FEW: Final = "Too few"
LAST: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}


@dataclass(frozen=True)
class Query:
    """What a panel asks Prometheus; `legend` names the series by their labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel without its place; `title` is unique in its dashboard."""

    title: str
    width: int
    height: int
    body: Json


def steps(*bounds: tuple[str, float], base: str = "green") -> Json:
    """Colours from each bound upwards, `base` below the first."""
    return {
        "mode": "absolute",
        "steps": [{"color": base, "value": None}, *({"color": color, "value": value} for color, value in bounds)],
    }


PLAIN: Final = steps(base="text")


def names(texts: dict[str, tuple[str, str]]) -> list[Json]:
    """Values shown as words: value → (text, colour)."""
    options = {
        value: {"text": text, "color": color, "index": index}
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [{"type": "value", "options": options}]


def ranges(*bounds: tuple[float | None, float | None, str, str]) -> list[Json]:
    """Ranges of values shown as words: (from, to, text, colour); None is open."""
    return [
        {
            "type": "range",
            "options": {"from": low, "to": high, "result": {"text": text, "color": color, "index": index}},
        }
        for index, (low, high, text, color) in enumerate(bounds)
    ]


def panel(
    kind: str,
    title: str,
    description: str,
    size: tuple[int, int],
    queries: Sequence[Query],
    *,
    instant: bool,
    defaults: Json,
    options: Json,
    **more: Any,
) -> Panel:
    targets = [
        {
            "refId": letter(index),
            "datasource": DATA_SOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend,
            "instant": instant,
            "range": not instant,
            **({"format": "table"} if kind == "table" else {}),
        }
        for index, query in enumerate(queries)
    ]
    body = {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATA_SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])},
        "options": options,
        **more,
    }
    return Panel(title, *size, body)


def letter(index: int) -> str:
    """The name of a panel's query."""
    return chr(ord("A") + index)


def given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def override(matcher: str, options: str, properties: Json) -> Json:
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def stat(
    title: str,
    description: str,
    size: tuple[int, int],
    *queries: Query,
    unit: str = "none",
    decimals: int | None = None,
    thresholds: Json = PLAIN,
    mappings: list[Json] | None = None,
    no_value: str = "0",
    named: bool = False,
    overrides: Sequence[Json] = (),
) -> Panel:
    """One large figure, or one for each series; `named` shows the series' name beside it."""
    defaults = {
        "unit": unit,
        **given(decimals=decimals),
        "color": {"mode": "thresholds"},
        "thresholds": thresholds,
        "mappings": mappings or [],
        "noValue": no_value,
    }
    options = {
        "reduceOptions": LAST,
        "orientation": "auto",
        "textMode": "value_and_name" if named else "value",
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "wideLayout": True,
        **({"text": {"titleSize": 13, "valueSize": 20}} if named else {}),
    }
    return panel(
        "stat",
        title,
        description,
        size,
        queries,
        instant=True,
        defaults=defaults,
        options=options,
        overrides=list(overrides),
    )
