"""How far downloads get, from counters that skip steps, repeat them or stay silent.

Android reports each ten percent at most once a download, but rounds down and skips, and reports nothing at all for a
second download in the life of a process. iOS repeats the steps from 10 to 60 after each file of a manifest, reports 80
and 90 for zips only, and is never silent. So the downloads that reached a step are the largest counter from that step
on, of those that can be trusted: all steps on Android, and on iOS 0, 70, 80, 90 and the completion itself.
"""

from typing import Final

from dashboards.generator.formulas import Events, or_zero, share, total
from dashboards.generator.selectors import PLUGIN, STARTS

STEPS: Final = tuple(range(0, 100, 10))
_IOS_STEPS: Final = (0, 70, 80, 90)
_DOWNLOADS: Final = "app_id, version, platform"
"""What is compared before anything is added up: platforms and versions have customs of their own."""


def _progress(events: Events, step: int) -> str:
    android = "|".join(str(later) for later in STEPS if later >= step)
    # Between 0 and 70 iOS says nothing that can be trusted: what is lost there shows at 70.
    ios = "|".join([*(str(later) for later in _IOS_STEPS if later >= step or step < 70), "complete"])
    by = f"{_DOWNLOADS}, action"
    android_count = events.where(PLUGIN, 'platform!="ios"').count(f"download_({android})", by)
    ios_count = events.where('platform="ios"').count(f"download_({ios})", by)
    return f"{android_count} or {ios_count}"


def _furthest(events: Events, step: int) -> str:
    return f"max by ({_DOWNLOADS}) ({_progress(events, step)})"


def _begun(events: Events) -> str:
    """Downloads that began and would report progress.

    Of the starts, as large a share as of the completions, which had reported 90 unless they were silent; the ones
    added let all starts count before anything completes. Clients that send no starts are known by their progress.
    """
    mobile = events.where(PLUGIN)
    complete = mobile.count("download_complete", _DOWNLOADS)
    reporting = f"clamp_max(({or_zero(_furthest(events, STEPS[-1]), complete)} + 1) / ({complete} + 1), 1)"
    starts = f'label_replace({mobile.count(STARTS, _DOWNLOADS)} * {reporting}, "action", "start", "", "")'
    return f"max by ({_DOWNLOADS}) ({starts} or {_progress(events, 0)})"


def _completed(events: Events) -> str:
    """Completions of downloads that reported progress: at most as many as reached the last step."""
    last = _furthest(events, STEPS[-1])
    complete = events.where(PLUGIN).count("download_complete", _DOWNLOADS)
    return f"({complete} <= {last} or {last})"


def reached(events: Events, step: int | None, by: str = "") -> str:
    """Downloads of those that report progress that got at least to `step` percent; None is the completion."""
    if step is None:
        return total(_completed(events), by)
    return total(_furthest(events, step) if step else _begun(events), by)


def lost(events: Events, step: int, at_least: str) -> str:
    """The share of downloads that reached `step` but not the next one."""
    following = None if step == STEPS[-1] else step + 10
    return f"clamp_min(1 - {reached(events, following)} / ({reached(events, step)} >= {at_least}), 0)"


def started(events: Events, by: str = "") -> str:
    """Downloads begun: the clients' own start events, or where those are missing the furthest progress."""
    mobile = events.where(PLUGIN)
    starts = f'label_replace({mobile.count(STARTS, _DOWNLOADS)}, "action", "start", "", "")'
    complete = mobile.count("download_complete", f"{_DOWNLOADS}, action")
    return total(f"max by ({_DOWNLOADS}) ({starts} or {_progress(events, 0)} or {complete})", by)


def finished(events: Events, by: str = "") -> str:
    """Downloads that completed."""
    return events.where(PLUGIN).count("download_complete", by)


def finished_share(events: Events, by: str, at_least: str) -> str:
    return share(finished(events, by), started(events, by), at_least)


def unfinished(events: Events, by: str = "") -> str:
    """Downloads begun that did not complete."""
    return f"clamp_min({started(events, by)} - {finished(events, by)}, 0)"
