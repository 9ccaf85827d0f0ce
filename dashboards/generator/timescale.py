"""How long the windows of dashboards and alerts are."""

import re
from typing import Final

_SECONDS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class Timescale:
    """Writes durations, all divided by `divisor`: a proof that runs for minutes uses the rules that run for hours."""

    def __init__(self, divisor: int = 1) -> None:
        self._divisor = divisor

    def __call__(self, duration: str) -> str:
        """`1h` as Prometheus and Grafana write it; ValueError if the divided duration is no whole number of seconds."""
        total, rest = divmod(seconds(duration), self._divisor)
        if rest or not total:
            raise ValueError(f"{duration} / {self._divisor} is no whole number of seconds")
        unit = next(unit for unit, size in _SECONDS.items() if total % size == 0)
        return f"{total // _SECONDS[unit]}{unit}"


def seconds(duration: str) -> int:
    """The length of a duration of one unit, such as `90s` or `1d`; ValueError for any other form."""
    match = re.fullmatch(r"(\d+)([dhms])", duration)
    if match is None:
        raise ValueError(f"not a duration: {duration!r}")
    return int(match[1]) * _SECONDS[match[2]]
