"""Where within a phase Android's downloads stop, by steps of ten percent.

Android reports each ten percent at most once a download, but rounds down and skips, and is silent about a second
download in the life of a process. So the steps are no counts: they tell which part of a phase's loss falls on which
step. iOS says nothing that can be trusted between 0 and 70.
"""

from typing import Final

from dashboards.generator.formulas import Events, or_zero, total
from dashboards.generator.phases import LINE, phases
from dashboards.generator.selectors import STARTS

STEPS: Final = tuple(range(0, 100, 10))
_ENDS: Final = (70, 90, 100)
"""Where the phases end."""


def lost_at(events: Events, step: int) -> str:
    """Downloads on Android that stopped between this step and the next one; over the steps of a phase, all it lost."""
    android = events.where('platform="android"')
    number = next(number for number, end in enumerate(_ENDS) if step < end)
    begin = _ENDS[number - 1] if number else 0
    phase = phases(android, LINE)[number]
    return total(f"{_part(android, step, begin, _ENDS[number])} * ({phase.begin} - {phase.end})")


def _part(android: Events, step: int, begin: int, end: int) -> str:
    """The part of a phase's loss that falls on one of its steps; all on the first one where steps tell nothing."""
    whole = f"({_reported(android, begin)} - {_reported(android, end)})"
    part = f"({_reported(android, step)} - {_reported(android, step + 10)}) / ({whole} > 0)"
    return f"({part} or {whole} * 0 + {1 if step == begin else 0})"


def _reported(android: Events, step: int) -> str:
    """Downloads whose reports got at least to this step."""
    if step == 0:
        return _begun(android)
    if step == 100:
        return _completed(android)
    return _furthest(android, step)


def _furthest(android: Events, step: int) -> str:
    later = "|".join(str(number) for number in STEPS if number >= step)
    return f"max by ({LINE}) ({android.count(f'download_({later})', f'{LINE}, action')})"


def _begun(android: Events) -> str:
    """Of the starts as large a part as of the completions, which had reported 90 unless they were silent."""
    complete = android.count("download_complete", LINE)
    reporting = f"clamp_max(({or_zero(_furthest(android, 90), complete)} + 1) / ({complete} + 1), 1)"
    starts = f"{android.count(STARTS, LINE)} * {reporting}"
    furthest = _furthest(android, 0)
    return f"({starts} > {furthest} or {furthest})"


def _completed(android: Events) -> str:
    """Completions of downloads that reported progress: at most as many as reached the last step."""
    last, complete = _furthest(android, 90), android.count("download_complete", LINE)
    return f"({complete} < {last} or {last})"
