"""Panels that draw: lines and bars over time, and bars beside each other."""

from collections.abc import Sequence
from typing import Any, Final

from dashboards.generator.colors import GREY, fixed
from dashboards.generator.panels import LAST, PLAIN, Json, Panel, Query, given, override, panel

BUCKET: Final = "30m"
"""The narrowest bar of a graph of counts: finer ones are mostly noise, and can't be told apart."""
STEP: Final = "5m"
"""The narrowest step of a line of shares, whose window is an hour."""


def _timeseries(
    title: str,
    description: str,
    size: tuple[int, int],
    queries: Sequence[Query],
    *,
    unit: str,
    custom: Json,
    axis: str = "",
    calcs: Sequence[str] = ("lastNotNull",),
    decimals: int | None = None,
    top: float | None = None,
    overrides: Sequence[Json] = (),
    min_interval: str | None = None,
    no_value: str | None = None,
) -> Panel:
    """`axis` says what is counted where there is no unit."""
    style = {
        "lineInterpolation": "linear",
        "showPoints": "never",
        "spanNulls": False,
        "axisPlacement": "auto",
        "axisLabel": axis,
    }
    defaults = {
        "unit": unit,
        **given(decimals=decimals, max=top, noValue=no_value),
        "min": 0,
        "color": {"mode": "fixed", "fixedColor": GREY},
        "thresholds": PLAIN,
        "custom": style | custom,
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": list(calcs)},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel(
        "timeseries",
        title,
        description,
        size,
        queries,
        instant=False,
        defaults=defaults,
        options=options,
        overrides=list(overrides),
        **given(interval=min_interval),
    )


def lines(
    title: str, description: str, size: tuple[int, int], *queries: Query, unit: str, stacked: bool = False, **more: Any
) -> Panel:
    """Lines over time, stacked areas if `stacked`."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 60 if stacked else 0,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    return _timeseries(title, description, size, queries, unit=unit, custom=custom, **more)


def bars(title: str, description: str, size: tuple[int, int], *queries: Query, of: str, **more: Any) -> Panel:
    """Counts over time as stacked bars, `of` what; the legend's total is the count over the whole time range."""
    custom = {
        "drawStyle": "bars",
        "lineWidth": 0,
        "fillOpacity": 80,
        "stacking": {"mode": "normal", "group": "A"},
    }
    given_for_bars = {"unit": "none", "decimals": 0, "calcs": ("sum",), "min_interval": BUCKET}
    description = f"{description} A bar is 30 minutes, or longer where the time range is long; the figure is the total."
    return _timeseries(
        title, description, size, queries, custom=custom, axis=f"{of} in each bar", **{**given_for_bars, **more}
    )


def limit(value: float, name: str) -> Query:
    """A line that says what it is: an objective, or the level at which an alert looks."""
    return Query(f"vector({value:g})", name)


def limits_look(**colors: str) -> list[Json]:
    """The lines of `limit` by their names: thin, dotted, and in the colour of what they mean."""
    look = {"custom.lineStyle": {"fill": "dot", "dash": [2, 6]}, "custom.lineWidth": 1}
    return [override("byRegexp", f"/^{name}/", {**fixed(color), **look}) for name, color in colors.items()]


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
) -> Panel:
    """A horizontal bar for each series or query. Without thresholds all bars have one colour: their length speaks."""
    defaults = {
        "unit": unit,
        **given(decimals=decimals, max=top),
        "min": 0,
        "color": {"mode": "thresholds"} if thresholds else {"mode": "fixed", "fixedColor": "blue"},
        "thresholds": thresholds or PLAIN,
        "noValue": no_value,
    }
    options = {
        "reduceOptions": LAST,
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "left",
        "showUnfilled": True,
        "sizing": "manual",
        "minVizWidth": 8,
        "minVizHeight": 12,
        "maxVizHeight": 28,
        "text": {"titleSize": 12, "valueSize": 14},  # Grafana leaves room for a name of size 12, not more
    }
    return panel("bargauge", title, description, size, queries, instant=True, defaults=defaults, options=options)
