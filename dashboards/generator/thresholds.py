"""What counts as bad: one set of numbers for the colours of panels and for alerts."""

from typing import Final

OBJECTIVE: Final = 0.99
"""The share of update attempts that should succeed; what is left is the error budget of an app."""

FAILED_WARNING: Final = round(1 - OBJECTIVE, 4)
FAILED_BAD: Final = 0.02
"""Failed share of attempts. Healthy apps stay below half a percent; the alert asks whether it is surely above this."""

UNFINISHED_WARNING: Final = 0.05
UNFINISHED_BAD: Final = 0.20
"""Share of started downloads that never complete. Some always do: the app is closed, the train enters the tunnel."""

LOST_WARNING: Final = 0.02
LOST_BAD: Final = 0.04
"""Share of downloads lost between two neighbouring steps of ten percent."""

MIN_EVENTS: Final = 20
"""Ratios over fewer events say nothing: one failure among three attempts is no 33 %."""
MIN_FAILURES: Final = 3

WORSE_MAYBE: Final = 1.645
WORSE_SURELY: Final = 3.0
"""z-scores of a comparison: one-sided chances of 5 % and of 0.13 % that the difference is an accident."""

BUDGET_WARNING: Final = 0.8
"""How full a budget of the exporter may be."""

DUPLICATES_BAD: Final = 0.2
REFUSED_BAD: Final = 0.01
FOLDED_BAD: Final = 0.01
REJECTED_BAD: Final = 0.05
COMMIT_SECONDS_WARNING: Final = 0.1
COMMIT_SECONDS_BAD: Final = 0.5
REQUEST_SECONDS_WARNING: Final = 0.5
REQUEST_SECONDS_BAD: Final = 2.0
