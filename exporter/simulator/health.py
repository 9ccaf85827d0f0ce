"""What events count as beside their action, worked out from the plugin's sources and not from the exporter's code.

The counters are named as on `/metrics`; sums are in milliseconds.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

Reports = Literal["crashes", "errors", "nothing"]

_BOUNDS: Final[dict[str, tuple[str, tuple[float, ...]]]] = {
    "app_launch_ready": ("launch_seconds", (0.5, 1, 1.5, 2, 3, 5, 10, 30)),
    "webview_page_loaded": ("page_load_seconds", (0.2, 0.5, 1, 2, 5, 10)),
}
_LONGEST_MS: Final = 600_000


class Counter(NamedTuple):
    """A counter by its name and the label that it has beside those of every one."""

    name: str
    label: str = ""
    value: str = ""


def counters(
    action: str, metadata: Mapping[str, str] | None, reports: Reports, test: bool
) -> Iterator[tuple[Counter, int]]:
    """What an event adds to which counters."""
    prefix = "capgo_test_" if test else "capgo_"
    if action == "app_moved_to_foreground":
        yield Counter(f"{prefix}visits_total", "reports", reports), 1
    if action in _BOUNDS and metadata is not None:
        name, bounds = _BOUNDS[action]
        taken = _milliseconds(metadata.get("duration_ms", ""), zero=action == "webview_page_loaded")
        if taken is not None:
            yield from _histogram(prefix + name, bounds, taken)


def _milliseconds(text: str, zero: bool) -> int | None:
    """Phones of the fleet say whole numbers, or nonsense."""
    value = int(text) if text.isdecimal() else -1
    return value if (0 if zero else 1) <= value <= _LONGEST_MS else None


def _histogram(name: str, bounds: tuple[float, ...], milliseconds: int) -> Iterator[tuple[Counter, int]]:
    for bound in (*bounds, float("inf")):
        if milliseconds <= bound * 1000:
            yield Counter(f"{name}_bucket", "le", "+Inf" if bound == float("inf") else str(float(bound))), 1
    yield Counter(f"{name}_count"), 1
    yield Counter(f"{name}_sum"), milliseconds
