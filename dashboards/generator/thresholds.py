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

MIN_EVENTS: Final = 20
"""Ratios over fewer events say nothing: one failure among three attempts is no 33 %."""
MIN_FAILURES: Final = 3
MIN_LOST: Final = 5

TIMES_OTHERS_FINE: Final = 0.5
TIMES_OTHERS_MAYBE: Final = 1.0
TIMES_OTHERS_BAD: Final = 1.5
"""Surely so many times as often as in the other versions, and a floor: one measure for all kinds of trouble.

Below the first it is fine, and below the second not surely worse: its rate may be a multiple of theirs.
"""
FAILED_FLOOR: Final = 0.005
LOST_FLOOR: Final = 0.01
CRASHES_FLOOR: Final = 0.002
NEVER_READY_FLOOR: Final = 0.03
SLOW_FLOOR: Final = 0.05
ERRORS_FLOOR: Final = 0.02
"""Shares that nobody gets up for."""

STUCK_BAD: Final = 0.10
"""Share of the devices that tried a version and have stood at a download, or a failure, for over a day."""
MIN_STUCK: Final = 10

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

CRASHING: Final = 0.01
"""Crashes of a visit that are too many whatever other versions do."""
