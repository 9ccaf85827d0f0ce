"""What an alert is, whichever program evaluates it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Alert:
    """Fires for each series whose `value` lies beyond the threshold, where the `guards` hold, for some time.

    In `summary` and `description`, `<value:format>` is the value and `<label>` a label.
    """

    name: str
    severity: Severity
    value: str
    comparison: Literal[">", "<"]
    threshold: float
    guards: tuple[str, ...]
    wait: str
    summary: str
    description: str
    dashboard: str
    panel: str
    variables: tuple[str, ...] = ()
    """Labels that fill in the dashboard's variables of the same names."""
    first_step: str = ""
    """What to do first, in a few words for the table of firing alerts; the runbook has the rest."""

    @property
    def guarded(self) -> str:
        """The value where the guards hold."""
        return "\nand ".join((self.value, *self.guards))

    @property
    def expr(self) -> str:
        """The condition as one expression of PromQL."""
        return "\nand ".join((f"{self.value} {self.comparison} {self.threshold:g}", *self.guards))


@dataclass(frozen=True)
class Group:
    name: str
    alerts: Sequence[Alert]
