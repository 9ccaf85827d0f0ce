"""How grave an action is: the colour of its line in a log store, and what is sent by default."""

from enum import Enum, auto
from typing import Final

from exporter.wire.actions import CATALOGUE, FAILED_OUTCOMES, Action, Kind


class Severity(Enum):
    """As OpenTelemetry calls them."""

    INFO = auto()
    WARN = auto()
    ERROR = auto()


_NO_FAULT: Final = frozenset({"webview_dom_content_loaded", "webview_page_loaded", "webview_unclean_restart"})
"""Health events that healthy apps send: two timings, and the mark that nearly every cold start leaves."""

_WARNINGS: Final = frozenset({"reset", "revert", "app_memory_warning", "app_killed_low_memory"})
"""Something went back, or the system ran short: worth knowing, and nobody's error."""


def _of(action: Action) -> Severity:
    if action.name in _WARNINGS:
        return Severity.WARN
    failed = action.name in FAILED_OUTCOMES or action.kind in (Kind.FAILURE, Kind.HEALTH)
    return Severity.ERROR if failed and action.name not in _NO_FAULT else Severity.INFO


_SEVERITIES: Final = {name: _of(action) for name, action in CATALOGUE.items()}

FAILURES: Final = frozenset(name for name, severity in _SEVERITIES.items() if severity is not Severity.INFO)
"""The actions that say that something went wrong: about one event in a hundred."""


def severity(action: str) -> Severity:
    """Of an action as counted; one outside the catalogue says nothing bad."""
    return _SEVERITIES.get(action, Severity.INFO)
