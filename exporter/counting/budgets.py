"""How many label values may live, and who of those that ask gets in.

Anyone can post any app, version and action. So the values are budgeted: beyond a budget the offending label folds to
`__overflow__`, the event counts all the same, and values that are in keep their series.

A version enters at once while its app is within its budget and its allowance of births. After that it has to show that
it is real, by `ENTRY_EVENTS` events of `ENTRY_DEVICES` devices, which forged one-off versions do not; where the budget
is full it takes the place of the least used one that has been idle for `IDLE_SECONDS`. The same goes for apps, but for
the allowance. Births are costly beyond their number: each one fills Prometheus for as long as it keeps data.

This module knows no clock and no disk.
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from exporter.counting.census import BIRTHS_PER_HOUR, HOUR, OVERFLOW, RESERVED_VERSIONS, Census
from exporter.wire.families import FAMILIES, lines_of
from exporter.wire.labels import PLATFORMS, Series

ENTRY_EVENTS: Final = 10
ENTRY_DEVICES: Final = 3
IDLE_SECONDS: Final = HOUR

RESERVED_SERIES: Final = 2 * (len(PLATFORMS) + 1) * sum(lines_of(name) for family in FAMILIES for name in family.names)
"""All that can be counted with app and version folded: room for these is always kept."""

_CELLS: Final = 16384
_SKETCH: Final = 256


class Limits(NamedTuple):
    """The budgets: apps, versions of an app, series in all; `apps` that are named enter always."""

    max_apps: int
    max_versions: int
    max_series: int
    apps: frozenset[str] = frozenset()


class Verdict(Enum):
    """What becomes of a value that asks for series of its own."""

    FREE = auto()
    """It may enter: there is room."""

    REPLACING = auto()
    """It may enter in the place of another one."""

    REFUSED = auto()


class _Cell:
    """What a value has shown so far; it and its devices by their hashes, as there may be many, and of any length."""

    __slots__ = ("devices", "events", "key")

    def __init__(self, key: int) -> None:
        self.key = key
        self.events = 0
        self.devices: tuple[int, ...] = ()


class Candidates:
    """Counts the events and devices of values that want to enter, in a fixed number of cells.

    Two values of one cell wear each other down, so the frequent one stays: a million forged values of one event each
    can't hide a real one.
    """

    def __init__(self) -> None:
        self._cells: dict[int, _Cell] = {}

    def ask(self, value: tuple[str, ...], device: int) -> bool:
        """Note an event of a value; tells whether the value has shown that it is real."""
        key = hash(value)  # salted at each start, so nobody can aim at a cell
        index = key % _CELLS
        cell = self._cells.get(index)
        if cell is None or (cell.key != key and cell.events <= 1):
            cell = self._cells[index] = _Cell(key)
        if cell.key != key:
            cell.events -= 1
            return False
        cell.events += 1
        if len(cell.devices) < ENTRY_DEVICES and device not in cell.devices:
            cell.devices += (device,)
        return cell.events >= ENTRY_EVENTS and len(cell.devices) >= ENTRY_DEVICES


class Demand:
    """Estimates how many distinct values were asked for, within about 6 %, from the smallest of their hashes."""

    def __init__(self) -> None:
        self._smallest: list[int] = []
        self._known: set[int] = set()

    def note(self, value: object) -> None:
        """A value was asked for."""
        number = hash(value) & 0xFFFF_FFFF_FFFF_FFFF
        if number in self._known or (len(self._known) >= _SKETCH and number > self._smallest[-1]):
            return
        self._known.add(number)
        self._smallest = sorted([*self._smallest, number])
        if len(self._smallest) > _SKETCH:
            self._known.discard(self._smallest.pop())

    def estimate(self) -> int:
        """The number of distinct values noted."""
        if len(self._smallest) < _SKETCH:
            return len(self._smallest)
        return round((_SKETCH - 1) * 2**64 / self._smallest[-1])


class Use(NamedTuple):
    """How full a label's budget is, and how many distinct values were asked for since the process started."""

    values: int
    limit: int
    demand: int


class Budgets:
    """Judges what asks for series of its own. Remembers who asked; who is in, the census says."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._candidates = Candidates()
        self._apps = Demand()
        self._versions = Demand()

    def judge_app(self, census: Census, app_id: str, device: int) -> Verdict:
        """Judge an app that is not in."""
        if app_id in self.limits.apps:
            return Verdict.FREE
        self._apps.note(app_id)
        if census.real_apps < self.limits.max_apps:
            return Verdict.FREE
        return Verdict.REPLACING if self._candidates.ask((app_id,), device) else Verdict.REFUSED

    def judge_version(self, census: Census, app_id: str, label: str, device: int, now: float) -> Verdict:
        """Judge a version of an app; on another platform it may be in already."""
        self._versions.note((app_id, label))
        if label in RESERVED_VERSIONS or census.has(app_id, label):
            return Verdict.FREE
        room = census.versions(app_id) < self.limits.max_versions
        if room and census.births(app_id, now) < BIRTHS_PER_HOUR:
            return Verdict.FREE
        if not self._candidates.ask((app_id, label), device):
            return Verdict.REFUSED
        return Verdict.FREE if room else Verdict.REPLACING

    def use(self, census: Census) -> dict[str, Use]:
        """The state of each label's budget; of the versions, that of the app that has most.

        Where apps are named, they are the budget, and none of them has to ask.
        """
        named = self.limits.apps
        versions = max(map(census.versions, census.apps), default=0)
        return {
            "app_id": Use(len(named & census.apps.keys()), len(named), 0)
            if named
            else _use(census.real_apps, self.limits.max_apps, self._apps),
            "version": _use(versions, self.limits.max_versions, self._versions),
        }


def _use(values: int, limit: int, asked: Demand) -> Use:
    return Use(values, limit, max(values, asked.estimate()))  # those that were in at the start never asked


def label_version(series: Series, label: str) -> Series:
    """The series of another version of the same app and platform."""
    return series._replace(version=series.version._replace(version=label))


def fold_version(series: Series) -> Series:
    """The series of the same app and platform for versions that are not in."""
    return label_version(series, OVERFLOW)


def fold_app(series: Series) -> Series:
    """The series of the same platform for apps that are not in."""
    return series._replace(version=series.version._replace(app_id=OVERFLOW, version=OVERFLOW))
