"""What a phone has said of itself, as its story means it: the figure to hold a server's memory of devices against.

It is sure only where every event of the phone was taken, and in order. The labels and the rules are the contract's, in
words of their own; they share no code with the exporter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

_WAY: Final = ("downloading", "downloaded", "installed")


class Attempt(NamedTuple):
    """What a step tells of an update: the bundle, and `downloading`, `downloaded`, `installed` or `failed`.

    Two more words: one that `breaks` fails if it was downloading, for its event does not name the bundle; one that was
    `launched` is no attempt unless there is no other, as some clients say `set` at each launch. One that is installed
    while another has failed is taken for what a rollback puts back.
    """

    bundle: str
    what: str


class Told:
    """Of one phone: the version it runs, the bundle it tried last, and the stage that this is at."""

    def __init__(self, app_id: str, platform: str, is_test: bool, fates: int) -> None:
        """`fates` is how many fates an event may have."""
        self.app_id: Final = app_id
        self.platform: Final = platform
        self.is_test: Final = is_test
        self.fates: Final = [0] * fates
        """Its events by their fate."""
        self.doubtful = False
        """Whether its events may have been taken in another order than it told them."""
        self.heard = False
        self.runs = "unknown"
        self.tried = ""
        self.stage = ""
        self.entered: Final[Counter[tuple[str, str]]] = Counter()
        """How often it entered a stage of a bundle, counted once while it tries that."""
        self._reached: set[str] = set()

    def hear(self, runs: str | None, attempt: Attempt | None) -> None:
        """It has told one thing more: which version it runs, and how an update goes, if it tells of these."""
        self.heard = True
        if attempt is not None:
            self._hear(attempt)
        self.runs = self.runs if runs is None else runs

    def _hear(self, attempt: Attempt) -> None:
        bundle, what = attempt
        same = bundle == self.tried
        if what == "breaks":
            told = "failed" if same and self.stage == "downloading" else ""
        elif what == "launched":
            told = "installed" if same or not self.tried else ""
        elif what == "installed":
            told = "" if not same and self.stage == "failed" else "installed"
        else:
            told = "" if same and self._is_past(what) else what
        if told:
            self._enter(bundle, told)

    def _is_past(self, stage: str) -> bool:
        return stage in _WAY and self.stage in _WAY[_WAY.index(stage) :]

    def _enter(self, bundle: str, stage: str) -> None:
        if bundle != self.tried:
            self._reached.clear()
        self.tried, self.stage = bundle, stage
        if stage not in self._reached:
            self._reached.add(stage)
            self.entered[bundle, stage] += 1


def summed_up(phones: Iterable[Told]) -> dict[str, list[dict[str, str | int]]]:
    """How many of them run and try which versions, and have entered which stages."""
    running, trying, stages = Counter[tuple[str, ...]](), Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for told in phones:
        whose = told.app_id, told.platform
        running[*whose, told.runs] += 1
        if told.tried:
            trying[*whose, told.tried, told.stage] += 1
        for (bundle, stage), times in told.entered.items():
            stages[*whose, bundle, stage] += times
    return {"running": _table(running), "trying": _table(trying), "stages": _table(stages)}


def _table(numbers: Mapping[tuple[str, ...], int]) -> list[dict[str, str | int]]:
    return [{**dict(zip(_LABELS, key, strict=False)), "devices": number} for key, number in sorted(numbers.items())]


_LABELS: Final = ("app_id", "platform", "version", "stage")
