"""How full the exporter's budgets are: the shares that the alert and the dashboard ask for."""

from collections.abc import Callable
from typing import Final

from exporter.counting.budgets import RESERVED_SERIES

_KEPT: Final = 2 * RESERVED_SERIES
"""Series that versions never get: room for what is counted under a folded version, and under a folded app."""


def used(own: Callable[[str], str]) -> str:
    """Share of each budget that is in use, by the label `label`; at 1 something is folded or forgotten."""
    others = {"series": _series_used(own), "devices": _devices_used(own)}
    named = (f'label_replace({share}, "label", "{name}", "", "")' for name, share in others.items())
    return " or ".join([_labels_used(own), *named])


def _labels_used(own: Callable[[str], str]) -> str:
    """Share of the budget of each label that is in use, at 1 of which names begin to fold; `own` selects a metric.

    Where the apps are an allow-list, that is their budget, which may well be full: no app has to ask, so none folds.
    """
    return f"{own('label_values')} / {own('label_limit')} unless {own('label_demand')} == 0"


def _series_used(own: Callable[[str], str]) -> str:
    """Share of the event series in use, at 1 of which versions begin to fold, whatever the limit is."""
    return f"{own('series')} / ({own('series_limit')} - {_KEPT})"


def _devices_used(own: Callable[[str], str]) -> str:
    """Share of the devices remembered; beyond 1 the one that was silent for longest is forgotten."""
    return f"{own('devices')} / ({own('devices_limit')} > 0)"
