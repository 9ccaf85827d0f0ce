"""Panels that several dashboards show of their own selection of events."""

from dashboards.generator import funnel
from dashboards.generator import thresholds as limits
from dashboards.generator.formulas import Events, share, surely
from dashboards.generator.panels import TOO_FEW, Panel, Query, bar_gauge, bars, lines, stat, steps

AT_LEAST = "$min_events"
FAILED = steps(("orange", limits.FAILED_WARNING), ("red", limits.FAILED_BAD))
FINISHED = steps(("orange", 1 - limits.UNFINISHED_BAD), ("green", 1 - limits.UNFINISHED_WARNING), base="red")
LOST = steps(("orange", limits.LOST_WARNING), ("red", limits.LOST_BAD))
BAR = "5m"
"""The narrowest bar or step of a graph of counts: finer ones are mostly noise."""

_NETWORK = "Up to 70 % is the network; 70 to 90 % checksum and unpacking on the device (a bad bundle, a full disk)."


def finished_tile(events: Events, size: tuple[int, int]) -> Panel:
    return stat(
        "Downloads finished",
        "Completed downloads of those started: `download_complete / started`. Started are the clients' start events, "
        "or where older plugins send none the furthest progress reported. Attempts are counted, not devices: one "
        f"that tries three times counts three times. Good: above {1 - limits.UNFINISHED_WARNING:.0%}; below "
        f"{1 - limits.UNFINISHED_BAD:.0%} the bundle or its server is in trouble. Electron and React Native "
        "report no starts, and are left out.",
        size,
        Query(funnel.finished_share(events, "", AT_LEAST)),
        unit="percentunit",
        decimals=1,
        thresholds=FINISHED,
        no_value=TOO_FEW,
    )


def finished_lines(title: str, hour: Events, by: str, legend: str, size: tuple[int, int]) -> Panel:
    return lines(
        title,
        "`download_complete / started` within a moving hour; a gap is an hour with fewer downloads than the minimum. "
        f"Good: above {1 - limits.UNFINISHED_WARNING:.0%}. Dashed: the thresholds of the tile.",
        size,
        Query(funnel.finished_share(hour, by, AT_LEAST), legend),
        unit="percentunit",
        decimals=1,
        thresholds=FINISHED,
        top=1,
        floor=None,
        min_interval=BAR,
        calcs=("lastNotNull", "min"),
    )


def reached_bars(title: str, events: Events, size: tuple[int, int], whose: str) -> Panel:
    queries = [Query(f"{funnel.reached(events, step)} or vector(0)", f"{step} %") for step in funnel.STEPS]
    return bar_gauge(
        title,
        f"Downloads of {whose} that got at least this far, of those that report progress. 0 %: begun. Then the "
        "largest counter from a step on, for each version and platform, added up, because clients skip and repeat "
        f"steps. 100 %: completed. Good: the bars hardly shrink. {_NETWORK} A second download in one run of an "
        "Android app reports no progress and is not among these.",
        size,
        *queries,
        Query(f"{funnel.reached(events, None)} or vector(0)", "100 %"),
    )


def lost_bars(title: str, events: Events, size: tuple[int, int], whose: str) -> Panel:
    queries = [Query(funnel.lost(events, step, AT_LEAST), f"{step} → {step + 10}") for step in funnel.STEPS]
    return bar_gauge(
        title,
        f"Share of the downloads of {whose} that reached a step but not the next: `1 - reached(next) / "
        f"reached(step)`. Good: below {limits.LOST_WARNING:.0%} everywhere; one step that stands out says what "
        f"breaks. {_NETWORK} Where devices skip more steps than they lose downloads, a loss shows at the first step, "
        "0 → 10. On iOS, which says nothing reliable in between, losses of the network show at 60 → 70.",
        size,
        *queries,
        unit="percentunit",
        decimals=1,
        thresholds=LOST,
        top=0.1,
        no_value=TOO_FEW,
    )


def failed_over_time(
    title: str, description: str, size: tuple[int, int], *queries: Query, colors: dict[str, str] | None = None
) -> Panel:
    return lines(
        title,
        f"{description} Within a moving hour; a gap is an hour with fewer attempts than the minimum. Dashed: "
        f"{limits.FAILED_WARNING:.0%} uses up the error budget, above {limits.FAILED_BAD:.0%} the alert looks.",
        size,
        *queries,
        unit="percentunit",
        decimals=1,
        thresholds=FAILED,
        min_interval=BAR,
        colors=colors,
    )


def failed(events: Events, by: str) -> str:
    """Failed share of the attempts of a version, by labels that keep versions apart."""
    return share(events.failures(by), events.attempts(by), AT_LEAST)


def surely_failed(events: Events, by: str) -> str:
    """The lower end of that share's 95 % interval."""
    return surely(events.failures(by), f"({events.attempts(by)} >= {AT_LEAST})")


def app_failed(events: Events, by: str = "") -> str:
    """Failed share of the attempts over all versions."""
    return share(events.failures(by), events.app_attempts(by), AT_LEAST)


def count_bars(title: str, description: str, size: tuple[int, int], *queries: Query) -> Panel:
    return bars(
        title,
        f"{description} Events in each bar; the total is over the time range.",
        size,
        *queries,
        min_interval=BAR,
    )
