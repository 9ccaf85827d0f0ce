"""What a recording rule is, and how those of versions are called.

The names follow Prometheus' custom: labels that are kept, what is counted, window.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recording:
    """`record` is the name under which Prometheus keeps the value of `expr`."""

    record: str
    expr: str


def of_version(what: str, window: str) -> str:
    """The name of a count for each app, platform and version; versions that name no bundle are left out."""
    return f"app_platform_version:capgo_{what}:increase{window}"


def of_others(what: str) -> str:
    """For each version, the count of the other versions of the same app and platform within a day."""
    own = of_version(what, "1d")
    return f"0 * {own} + on (app_id, platform) group_left () sum by (app_id, platform) ({own}) - {own}"
