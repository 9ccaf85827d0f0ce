"""What becomes of a bundle that installed well: visits that crash, and launches that never get ready."""

from dashboards.generator.formulas import Events, or_zero
from dashboards.generator.selectors import FATAL, selector


def reporting_visits(events: Events, by: str) -> str:
    """Visits of devices that would tell of a crash."""
    visits = selector(events.metric.replace("_events_", "_visits_"), *events.matchers, 'reports="crashes"')
    return f"sum by ({by}) (increase({visits}[{events.window}]))"


def crashes(events: Events, by: str) -> str:
    return or_zero(events.count(FATAL, by), reporting_visits(events, by))


def launches(events: Events, by: str) -> str:
    return events.count("app_launch_start", by)


def never_ready(events: Events, by: str) -> str:
    """Launches of which the app did not call `notifyAppReady`."""
    ready = or_zero(events.count("app_launch_ready", by), launches(events, by))
    return f"clamp_min({launches(events, by)} - {ready}, 0)"
