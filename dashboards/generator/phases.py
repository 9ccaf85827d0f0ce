"""Downloads: how many begin, in which phase they stop, and how many arrive.

The counters skip, repeat or are silent, and each generation of plugins says something else. Newer ones announce when a
transfer begins and ends; what completes beyond those is of older plugins, which only report progress. Android reports
what it could not unpack. On iOS no step before 70 counts: older plugins name the app's own bundle in the step 0, newer
ones repeat the steps from 10 to 60 after each file of a manifest. There the devices that began tell more.

Everything is worked out for each version and platform before it is added up; counts only shrink on the way, and what is
lost adds up to what began and did not complete.
"""

from typing import Final, NamedTuple

from dashboards.generator.formulas import Events, surely_missing, total
from dashboards.generator.selectors import BLAMED_DOWNLOADS, PLUGIN, STARTS, TRANSFERS

LINE: Final = "app_id, version, platform"
"""What is compared before anything is added up: platforms and versions have customs of their own."""


class Phase(NamedTuple):
    """A part of the way of a bundle: its name in words, and how many downloads reached its begin and its end."""

    name: str
    begin: str
    end: str

    @property
    def short(self) -> str:
        """From where to where."""
        return self.name[: self.name.index("%") + 1]

    @property
    def lost(self) -> str:
        return f"({self.begin} - {self.end})"


def _steps(events: Events, steps: str) -> str:
    """Counters of progress, each by itself."""
    return events.count(f"download_({steps})", f"{LINE}, action")


def _transfers(events: Events) -> str:
    """Transfers announced, and those of them that ended, of either kind."""
    ends = f'label_replace({events.increases("download_.+_(start|complete)")}, "end", "$1", "action", ".+_(.+)")'
    return f"sum by ({LINE}, end) ({ends})"


def _largest(*counts: str) -> str:
    """For each line the largest of the counts that there are."""
    return f"max by ({LINE}) ({' or '.join(counts)})"


def _arrived(events: Events) -> str:
    """Downloads that completed, or that could not be unpacked."""
    return events.where(PLUGIN).count(f"download_complete|{BLAMED_DOWNLOADS}", LINE)


def transferred(events: Events, by: str = "") -> str:
    """Downloads of which all bytes arrived: announced, reported, or completed or not to be unpacked."""
    ended = f'label_replace({events.count(TRANSFERS, LINE)}, "action", "transfer", "", "")'
    return total(_largest(_arrived(events), ended, _steps(events, "[789]0")), by)


def started(events: Events, by: str = "") -> str:
    """Downloads that began: those that arrived and those announced and lost.

    At least those announced, those reported, and one for each device that began.
    """
    known = events.where(PLUGIN).increases(f"download_complete|{BLAMED_DOWNLOADS}|{STARTS}")
    with_lost = f"sum by ({LINE}) ({known} or - {events.increases(TRANSFERS)})"
    told = f'label_replace({with_lost}, "action", "all", "", "")'
    reported = _steps(events.where('platform!="ios"'), "[1-6]?0"), _steps(events, "[789]0")
    return total(
        _largest(_arrived(events), told, _transfers(events), *reported, events.begun_by_devices(f"{LINE}, stage")), by
    )


def unpacked(events: Events, by: str = "") -> str:
    """Downloads whose bundle is whole and unpacked; of those that report no progress, the ones that complete."""
    return total(_largest(_steps(events, "90"), completed(events, LINE)), by)


def completed(events: Events, by: str = "") -> str:
    """Downloads that completed: `download_complete`, the one count that every client sends once."""
    return events.where(PLUGIN).count("download_complete", by)


def phases(events: Events, by: str) -> list[Phase]:
    """The phases, with the counts at their begin and end; each ends where the next begins."""
    counts = [each(events, by) for each in (started, transferred, unpacked, completed)]
    names = ("0–70 % network", "70–90 % unpacking", "90–100 % finishing")
    return [Phase(name, *ends) for name, *ends in zip(names, counts, counts[1:], strict=False)]


def lost(events: Events, by: str = "") -> str:
    """Downloads that began and did not complete."""
    return f"({started(events, by)} - {completed(events, by)})"


def lost_share(events: Events, by: str, at_least: str) -> str:
    return f"(1 - {completed(events, by)} / ({started(events, by)} >= {at_least}))"


def surely_lost(events: Events, by: str, at_least: str) -> str:
    """The lower end of that share's 95 % interval."""
    return surely_missing(completed(events, by), started(events, by), at_least)
