"""Panels in Grafana's classic schema. Sizes are in Grafana's grid: 24 columns, a row of 30 pixels and a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

DATA_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
TOO_FEW: Final = "Too few"
_HEADINGS: Final = {"lastNotNull": "Last *", "max": "Max", "min": "Min", "sum": "Total"}
"""A legend's columns, by what they hold; it is sorted by the last, the worst first."""
_LAST: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}


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


def _panel(
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
            "refId": chr(ord("A") + index),
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


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}


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
    background: bool = False,
    links: Sequence[Json] = (),
) -> Panel:
    """One large figure, or one for each series; `named` shows the series' name beside it. A click follows `links`."""
    defaults = {
        "unit": unit,
        **_given(decimals=decimals),
        "color": {"mode": "thresholds"},
        "thresholds": thresholds,
        "mappings": mappings or [],
        "noValue": no_value,
        **_given(links=list(links) or None),
    }
    options = {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "textMode": "value_and_name" if named else "value",
        "colorMode": "background" if background else "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "wideLayout": True,
    }
    return _panel("stat", title, description, size, queries, instant=True, defaults=defaults, options=options)


def _timeseries(
    title: str,
    description: str,
    size: tuple[int, int],
    queries: Sequence[Query],
    *,
    unit: str,
    custom: Json,
    calcs: Sequence[str],
    decimals: int | None = None,
    thresholds: Json | None = None,
    top: float | None = None,
    floor: float | None = 0,
    colors: dict[str, str] | None = None,
    min_interval: str | None = None,
) -> Panel:
    """`colors` are those of queries, by their letters."""
    style = {
        "lineInterpolation": "linear",
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    defaults = {
        "unit": unit,
        **_given(decimals=decimals, min=floor, max=top),
        "color": {"mode": "palette-classic"},
        "thresholds": thresholds or PLAIN,
        "custom": style | custom,
    }
    overrides = [
        _override("byFrameRefID", letter, {"color": {"mode": "fixed", "fixedColor": color}})
        for letter, color in (colors or {}).items()
    ]
    options = {
        "legend": {
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
            "calcs": list(calcs),
            "sortBy": _HEADINGS[calcs[-1]],
            "sortDesc": calcs[-1] != "min",
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel(
        "timeseries",
        title,
        description,
        size,
        queries,
        instant=False,
        defaults=defaults,
        options=options,
        overrides=overrides,
        **_given(interval=min_interval),
    )


def lines(
    title: str, description: str, size: tuple[int, int], *queries: Query, unit: str, stacked: bool = False, **more: Any
) -> Panel:
    """Lines over time, stacked areas if `stacked`; `thresholds` are drawn as dashed lines."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 60 if stacked else 0,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    calcs = ("lastNotNull",) if stacked else ("lastNotNull", "max")
    return _timeseries(title, description, size, queries, unit=unit, custom=custom, **{"calcs": calcs, **more})


def bars(title: str, description: str, size: tuple[int, int], *queries: Query, **more: Any) -> Panel:
    """Counts over time as stacked bars; the legend's total is the count over the whole time range."""
    custom = {
        "drawStyle": "bars",
        "lineWidth": 0,
        "fillOpacity": 80,
        "stacking": {"mode": "normal", "group": "A"},
    }
    defaults = {"unit": "none", "decimals": 0, "calcs": ("sum",)}
    return _timeseries(title, description, size, queries, custom=custom, **{**defaults, **more})


def bar_gauge(
    title: str,
    description: str,
    size: tuple[int, int],
    *queries: Query,
    unit: str = "none",
    decimals: int | None = 0,
    thresholds: Json | None = None,
    top: float | None = None,
    no_value: str = "0",
    long_names: bool = False,
) -> Panel:
    """A horizontal bar for each series or query. Without thresholds all bars have one colour: their length speaks."""
    defaults = {
        "unit": unit,
        **_given(decimals=decimals, max=top),
        "min": 0,
        "color": {"mode": "thresholds"} if thresholds else {"mode": "fixed", "fixedColor": "blue"},
        "thresholds": thresholds or PLAIN,
        "noValue": no_value,
    }
    options = {
        "reduceOptions": _LAST,
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "top" if long_names else "left",
        "showUnfilled": True,
        "sizing": "manual",
        "minVizWidth": 8,
        "minVizHeight": 30 if long_names else 14,
        "maxVizHeight": 44 if long_names else 28,
        "text": {"titleSize": 12, "valueSize": 14},  # Grafana leaves room for a name of size 12, not more
    }
    return _panel("bargauge", title, description, size, queries, instant=True, defaults=defaults, options=options)


@dataclass(frozen=True)
class Column:
    """A column of figures: what it asks, its heading and how it looks."""

    title: str
    expr: str
    unit: str = "none"
    decimals: int = 0
    thresholds: Json | None = None
    no_value: str = "0"
    width: int | None = None


def table(
    title: str,
    description: str,
    size: tuple[int, int],
    labels: dict[str, str],
    columns: Sequence[Column],
    *,
    sort: str,
    links: dict[str, list[Json]] | None = None,
    widths: dict[str, int] | None = None,
) -> Panel:
    """A line for each combination of `labels` (label → heading), sorted by the column `sort`, largest first.

    `links` belong to a heading, and so do `widths`, in pixels.
    """
    values = ["Value"] if len(columns) == 1 else [f"Value #{chr(ord('A') + i)}" for i in range(len(columns))]
    order = [*labels, *values]
    rename = labels | {value: column.title for value, column in zip(values, columns, strict=True)}
    organize = {
        "excludeByName": {"Time": True},
        "includeByName": {},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": rename,
    }
    overrides = [_override("byName", column.title, _look(column)) for column in columns]
    overrides += [_override("byName", heading, {"links": urls}) for heading, urls in (links or {}).items()]
    overrides += [_override("byName", heading, {"custom.width": width}) for heading, width in (widths or {}).items()]
    defaults = {
        "unit": "none",
        "color": {"mode": "thresholds"},
        "thresholds": PLAIN,
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "minWidth": 80},
    }
    return _panel(
        "table",
        title,
        description,
        size,
        [Query(column.expr) for column in columns],
        instant=True,
        defaults=defaults,
        options={"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": sort, "desc": True}]},
        overrides=overrides,
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
    )


def _look(column: Column) -> Json:
    look: Json = {"unit": column.unit, "decimals": column.decimals, "noValue": column.no_value}
    if column.thresholds:
        look |= {"thresholds": column.thresholds, "custom.cellOptions": {"type": "color-text"}}
    return look | ({"custom.width": column.width} if column.width else {})


def _override(matcher: str, options: str, properties: Json) -> Json:
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def link(title: str, uid: str, **variables: str) -> Json:
    """A link to another dashboard over the same time range; a variable's value may hold `${__data.fields.Heading}`."""
    given = "".join(f"&var-{name}={value}" for name, value in variables.items())
    kept = "${__url_time_range}&${datasource:queryparam}&${events:queryparam}"
    return {"title": title, "url": f"/d/{uid}?{kept}{given}", "targetBlank": False}


def field(heading: str) -> str:
    """The cell under `heading` in the same line, as part of an address."""
    return (
        f'${{__data.fields["{heading}"]:percentencode}}'
        if " " in heading
        else f"${{__data.fields.{heading}:percentencode}}"
    )
