"""Definitions and panels about updates that several dashboards share."""

from typing import Final

from dashboards.generator import colors, words
from dashboards.generator import thresholds as limits
from dashboards.generator.charts import STEP, bars, limit, limits_look, lines
from dashboards.generator.dashboard import DOWNLOADS, ROLLOUT
from dashboards.generator.formulas import Events, share, surely
from dashboards.generator.panels import Json, Panel, Query, steps
from dashboards.generator.tables import Label, field, link

AT_LEAST: Final = "$min_events"
SURELY_FAILED: Final = steps(("orange", limits.FAILED_WARNING), ("red", limits.FAILED_BAD), base="text")
"""Colours of the share that surely fails; the share itself has none, as one failure in three tries is no incident."""

APP: Final = Label("App", None, [link("Downloads of this app", DOWNLOADS, app_id=field("App"))])
PLATFORM: Final = Label("Platform", 76)
ANY_CLIENT: Final = Label("Platform", 92)
"""Where others than the plugin's own are among them: `react-native` is long."""
FAILURE: Final = Label("Failure", words=words.in_words(words.WORDS))


def version_label(app: str, *links: Json) -> Label:
    """A column of versions that open in Rollout; `app` is a cell or a variable, as part of an address."""
    rollout = link("Rollout of this version", ROLLOUT, app_id=app, version=field("Version"))
    return Label("Version", 70, [rollout, *links])


def failed(events: Events, by: str) -> str:
    """Failed share of the attempts of a version, by labels that keep versions apart."""
    return share(events.failures(by), events.attempts(by), AT_LEAST)


def surely_failed(events: Events, by: str) -> str:
    """The lower end of that share's 95 % interval."""
    return surely(events.failures(by), events.attempts(by), AT_LEAST)


def failed_over_time(
    title: str, description: str, size: tuple[int, int], *queries: Query, overrides: list[Json]
) -> Panel:
    """Shares within a moving hour, beside the objective and the alert's bound."""
    return lines(
        title,
        f"{description} Share of the update attempts within a moving hour; a gap is an hour with fewer attempts than "
        f"the minimum. Dotted: the objective ({limits.FAILED_WARNING:.0%}), and the share above which "
        f"CapgoUpdatesFailing fires where it is sure ({limits.FAILED_BAD:.0%}).",
        size,
        *queries,
        limit(limits.FAILED_WARNING, "objective"),
        limit(limits.FAILED_BAD, "alert"),
        unit="percentunit",
        decimals=1,
        min_interval=STEP,
        overrides=[*overrides, *limits_look(objective="orange", alert="red")],
    )


def failure_bars(title: str, description: str, size: tuple[int, int], events: Events, actions: str) -> Panel:
    """Failures by kind, as they come."""
    return bars(
        title,
        description,
        size,
        Query(f"{events.per_bar(actions, 'action')} > 0", "{{action}}"),
        of="events",
        overrides=colors.kinds(),
        no_value="No failures",
    )
