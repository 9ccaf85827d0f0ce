"""Tables of Rollout: how far devices get with a version, and what failed on the way."""

from dataclasses import replace

from dashboards.generator import selectors
from dashboards.generator.dashboard import EVENTS
from dashboards.generator.devices import Devices
from dashboards.generator.formulas import Events, or_zero
from dashboards.generator.panels import Json, Panel
from dashboards.generator.phases import completed, started
from dashboards.generator.tables import Column, Label, field, link, table
from dashboards.generator.update_panels import ANY_CLIENT, AT_LEAST, FAILURE

_BY = "platform"
_STEPS = ("Started", "Downloaded", "Set", "Kept")


def steps_table(version: Events, baseline: Events, tried: Devices, others: Devices, size: tuple[int, int]) -> Panel:
    """End to end: of the devices that started, how many kept the version."""
    return table(
        "How far devices get",
        "Devices that reached each step with this version within the time range, each once; their share of the step "
        "before, and what is usual: the baseline's. Started: a download began; downloaded: the bundle is there; set: "
        "it was made current; kept: and not rolled back. What is on its way when the time range ends has not arrived. "
        "Good: as usual.",
        size,
        {"platform": ANY_CLIENT},
        _step_columns(_devices(tried, version), _devices(others, baseline)),
        sort=_STEPS[0],
        no_value="Not counted",
    )


def attempts_table(version: Events, baseline: Events, size: tuple[int, int]) -> Panel:
    """The same by events."""
    return table(
        "How far attempts get",
        "The steps of above counted by events, so a device that tries three times counts three times: downloads "
        "started and completed, `set`, and `set - update_fail`. More started than devices did: they try again. More "
        "set than downloaded: a newer version's rollbacks put this one in place again. Good: as usual.",
        size,
        {"platform": ANY_CLIENT},
        _step_columns(_attempts(version), _attempts(baseline)),
        sort=_STEPS[0],
    )


def _devices(devices: Devices, events: Events) -> list[str]:
    reached = [devices.reached(stage, _BY) for stage in ("downloading", "downloaded", "installed")]
    return [*reached, devices.kept(events, _BY)]


def _attempts(events: Events) -> list[str]:
    kept = f"clamp_min({events.installs(_BY)} - {events.rollbacks(_BY)}, 0)"
    return [started(events, _BY), completed(events, _BY), events.installs(_BY), kept]


def _step_columns(mine: list[str], theirs: list[str]) -> list[Column]:
    columns = [Column(_STEPS[0], mine[0], width=90)]
    for number in range(1, len(_STEPS)):
        before, step = _STEPS[number - 1].lower(), _STEPS[number]
        columns += [
            Column(step, mine[number]),
            Column(f"of {before}", _part(mine, number), "percentunit", 1, width=118),
            Column(f"usual{' ' * number}", _part(theirs, number), "percentunit", 1),
        ]
    return columns


def _part(counts: list[str], number: int) -> str:
    """A step's share of the step before."""
    return f"clamp_max({counts[number]} / ({counts[number - 1]} >= {AT_LEAST}), 1)"


def standing_table(tried: Devices, hour: str, size: tuple[int, int]) -> Panel:
    """How many devices have it, and on how many it failed."""
    return table(
        "Where its devices stand now",
        "Devices whose newest attempt is this version, each once, by how far it got (`capgo_rollout_devices`), heard "
        "from within 30 days. Installed: it was set, and not rolled back. Any failure: its update or its download "
        "failed (rolled back, not found on disk, not fetched or unpacked); some try again. Last "
        "hour: on how many it failed for the first time within "
        "the last hour; while the rollout goes on, it costs as many each hour. Pending: downloading, or downloaded "
        "and not set yet. Good: nearly all installed; failures and pending are few, and fewer tomorrow.",
        size,
        {"platform": ANY_CLIENT},
        [
            Column("Tried it", tried.standing(".+", _BY), width=74),
            Column("Installed", _or_none(tried, tried.standing("installed", _BY)), width=72),
            Column(
                "Any failure",
                _or_none(tried, tried.standing("failed", _BY)),
                width=86,
                links=[which(platform=field("Platform"))],
            ),
            Column("last hour", _or_none(tried, tried.over(hour).entered("failed", _BY)), width=72),
            Column("Pending", _or_none(tried, tried.standing("downloading|downloaded", _BY)), width=70),
        ],
        sort="Tried it",
        no_value="Not counted",
    )


def _or_none(tried: Devices, count: str) -> str:
    return or_zero(count, tried.standing(".+", _BY))


def failures_table(version: Events, size: tuple[int, int]) -> Panel:
    """What failed, and of how many of what."""
    mobile = version.where(selectors.PLUGIN)
    of_updates = mobile.count(selectors.FAILURES, "platform, action"), version.attempts("platform")
    of_downloads = mobile.count(selectors.BLAMED_DOWNLOADS, "platform, action"), started(version, "platform")
    counts = " or ".join(f"({count} > 0)" for count, _ in (of_updates, of_downloads))
    whole = "{count} * 0 + on (platform) group_left () {whole}"
    wholes = " or ".join(whole.format(count=f"({count} > 0)", whole=each) for count, each in (of_updates, of_downloads))
    return table(
        "What failed, and where",
        "Failures that name this version, and their share: of the update attempts for what fails at setting it, of "
        "the downloads started for what fails before. Rolled back: it did not call `notifyAppReady`; bundle missing: "
        "not on disk when it was to be set; unpacking failed: also the checksum. Files of a changed-files download "
        "are in Downloads. Good: empty, or small shares.",
        size,
        {
            "platform": Label("Platform", 66),
            "action": replace(
                FAILURE, links=[which(platform=field("Platform"), action="${__value.raw:percentencode}")]
            ),
        },
        [
            Column("Events", counts, width=74),
            Column("Share", f"({counts}) / ({wholes})", "percentunit", 1, width=56),
            Column("of", wholes, width=52),
        ],
        sort="Events",
        no_value="Nothing failed",
    )


def which(**failure: str) -> Json:
    """To the devices of the chosen version in the log store, if there is one."""
    chosen = {"app_id": "${app_id:percentencode}", "version": "${version:percentencode}"}
    return link("Which devices, and what do they say?", EVENTS, **chosen, **failure)
