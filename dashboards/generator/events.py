"""The dashboard Events: which devices, and what do they say? It asks a log store, which the others do not need."""

from typing import Any, Final

from dashboards.generator import selectors
from dashboards.generator.dashboard import EVENTS, Row, dashboard, first_seen
from dashboards.generator.logql import (
    DEVICE,
    FAILED,
    NAMESPACE,
    NO_PROGRESS,
    OTHER_VERSIONS,
    PLUGIN,
    SCRIPTS,
    Lines,
    one_of,
    share,
)
from dashboards.generator.loki_panels import line_table, of_loki, story
from dashboards.generator.panels import TOO_FEW, Column, Json, Panel, Query, bars, stat, table
from dashboards.generator.shared_panels import AT_LEAST
from dashboards.generator.shared_panels import FAILED as FAILED_COLORS
from dashboards.generator.variables import LOKI_SCOPE

_REASONS: Final = 25
_DEVICES: Final = 25

_WORDS: Final = {"action": "Action", "version": "Version", "platform": "Platform"}
_KIND: Final = {"version_os": "OS", "plugin_version": "Plugin", "install_source": "Source"}
_WHO: Final = {"device_id": "Device", "reason": "Reason"}

_KEPT: Final = ("datasource", "loki", "app_id", "version", "platform", "action", "environment", "min_events")


def events() -> Json:
    lines = Lines()
    failed = lines.where(one_of("action", "${action}"), FAILED)
    return dashboard(
        EVENTS,
        "Events",
        "Which devices fail, with what message, since when, and what happened on one of them. Asks a log store, which "
        "the exporter sends its events to (--event-store).",
        [
            Row("What fails, since when, and on how many devices?", _figures(failed)),
            Row("Why, and which devices?", [_reasons(failed), _scripts(), _lately(failed), *_devices(failed)]),
            Row("Is it only one kind of device?", _kinds(lines)),
            Row("What happened on one device?", [_story()]),
        ],
        LOKI_SCOPE,
        [first_seen(selectors.ANY_APP, selectors.ANY_VERSION)],
    )


def _figures(failed: Lines) -> list[Panel]:
    return [
        of_loki(
            stat(
                "Failing devices",
                "Distinct devices that reported a failure, of those chosen above. Good: few. A Loki that counts at "
                "most 500 series (its default) refuses more; choose a version or a shorter time, or raise its "
                "`max_query_series`.",
                (4, 8),
                Query(failed.devices()),
                decimals=0,
            )
        ),
        of_loki(
            stat(
                "Failures",
                "Events that say that something went wrong: failed outcomes, failures, health. A device that fails ten "
                "times counts ten times; beside it stands on how many. Good: few.",
                (4, 8),
                Query(failed.count()),
                decimals=0,
            )
        ),
        of_loki(
            bars(
                "Failures over time",
                "Failures by action, as they arrived. Good: no step where a version was first seen. Events in each "
                "bar; the total is over the time range.",
                (16, 8),
                Query(failed.count("action", window="$__auto"), "{{action}}"),
                min_interval="5m",
            )
        ),
    ]


def _counts(lines: Lines, by: dict[str, str], most: int) -> list[Column]:
    devices = lines.devices(*by)
    return [
        Column("Devices", f"topk({most}, {devices})", width=90),
        Column("Events", f"{lines.count(*by)} and topk({most}, {devices})", width=90),
    ]


def _reasons(failed: Lines) -> Panel:
    by = {"action": "Action", "reason": "Reason"}
    return of_loki(
        table(
            "Top reasons",
            "What failing devices say, by how many say it: the error's message, the exit's description, or the file "
            f"that failed, cut at 256 bytes. The first {_REASONS}. Good: empty, or old friends. Failures without a "
            "reason (`update_fail` says none) are not here: look at what else these devices report.",
            (12, 10),
            by,
            _counts(failed.where('reason!=""'), by, _REASONS),
            sort="Devices",
            widths={"Action": 260},
        )
    )


def _scripts() -> Panel:
    by = {"metadata_message": "Message", "metadata_source": "File", "metadata_line": "Line"}
    scripts = Lines().where(SCRIPTS)
    others = Lines(conditions=(OTHER_VERSIONS, one_of("platform", "${platform}"))).where(SCRIPTS)
    most = f"topk({_REASONS}, {scripts.devices(*by)})"
    return of_loki(
        table(
            "JavaScript errors",
            "Uncaught errors and unhandled rejections of the page, by message, file and line: on how many devices, and "
            "on how many with another version than those chosen above. Good: empty. One that is nowhere else came with "
            "the version, and is the first suspect.",
            (12, 10),
            by,
            [
                Column("Devices", most, width=85),
                Column("Elsewhere", f"{others.devices(*by)} and {scripts.count(*by)}", width=95),
            ],
            sort="Devices",
            widths={"File": 130, "Line": 60},
        )
    )


def _lately(failed: Lines) -> Panel:
    columns = _WORDS | _KIND | _WHO
    return line_table(
        "What failed lately",
        "The newest failures, a line each: the device's own words. Choose a device to read its story below. Good: "
        "nothing new.",
        (24, 11),
        f"{failed.query} | keep {', '.join(columns)}, detected_level",
        columns,
        [_device_links(), *(_wide(heading, pixels) for heading, pixels in _WIDTHS.items())],
    )


_WIDTHS: Final = {
    "Time": 165,
    "Action": 190,
    "Version": 90,
    "Platform": 85,
    "OS": 60,
    "Plugin": 85,
    "Source": 105,
    "Device": 325,
}


def _devices(failed: Lines) -> list[Panel]:
    who = {"device_id": "Device", "platform": "Platform", "version_os": "OS", "plugin_version": "Plugin"}
    where = {"version": "Version", "action": "Action"}
    return [
        of_loki(
            table(
                "Devices that fail most",
                f"The {_DEVICES} devices with most failures, and how many kinds of failure each reports. Good: no "
                "device far above the others; one alone is a broken phone, not a broken bundle.",
                (12, 10),
                who,
                [
                    Column("Failures", f"topk({_DEVICES}, {failed.where(DEVICE).count(*who)})", width=90),
                    Column("Kinds", _kinds_of_failure(failed, tuple(who)), width=70),
                ],
                sort="Failures",
                links={"Device": [_story_link()]},
                widths={"Device": 325},
            )
        ),
        of_loki(
            table(
                "Devices by version and action",
                "Distinct devices that reported a failure, by version and action: how far each kind has spread. Good: "
                "small numbers, and none that came with a version.",
                (12, 10),
                where,
                _counts(failed, where, 50),
                sort="Devices",
            )
        ),
    ]


def _kinds_of_failure(failed: Lines, who: tuple[str, ...]) -> str:
    failed = failed.where(DEVICE)
    kinds = f"count by ({', '.join(who)}) ({failed.count(*who, 'action')})"
    return f"{kinds} and topk({_DEVICES}, {failed.count(*who)})"


def _kinds(lines: Lines) -> list[Panel]:
    updates = lines.where(PLUGIN)
    attempts = updates.where(one_of("action", selectors.ATTEMPTS))
    failures = updates.where(one_of("action", selectors.FAILURES))

    def of(title: str, attribute: str, heading: str, whose: str) -> Panel:
        by = {"platform": "Platform", attribute: heading}
        return of_loki(
            table(
                title,
                f"Failed updates' share of the attempts, by {whose}: `(set_fail + update_fail) / (set + set_fail)`. A "
                "share, and not a count: most failures come from what most devices are. Good: equal everywhere. One "
                "that stands out is the cause, or lies beside it. Needs `--event-store-actions all`.",
                (8, 9),
                by,
                [
                    Column(
                        "Failed",
                        share(failures, attempts, tuple(by), AT_LEAST),
                        "percentunit",
                        1,
                        FAILED_COLORS,
                        TOO_FEW,
                    ),
                    Column("Failures", failures.count(*by)),
                    Column("Attempts", attempts.count(*by)),
                ],
                sort="Failed",
                widths={"Platform": 90, "Failures": 85, "Attempts": 85},
            )
        )

    return [
        of("Failed updates by OS version", "version_os", "OS", "platform and version of the operating system"),
        of("Failed updates by plugin version", "plugin_version", "Plugin", "platform and version of the plugin"),
        of("Failed updates by source", "install_source", "Source", "platform and the store the app came from"),
    ]


def _story() -> Panel:
    return story(
        "The story of one device",
        "What the device named above reported, in the order in which it arrived, without the steps of downloads; open "
        "a line for its fields. With `--event-store-actions failures` only its failures. Choose a device in one of the "
        "tables.",
        (24, 15),
        f'{{{NAMESPACE}}} | {DEVICE} | device_id="$device" | {NO_PROGRESS}',
    )


def _device_links() -> Json:
    return {
        "matcher": {"id": "byName", "options": "Device"},
        "properties": [{"id": "links", "value": [_story_link()]}],
    }


def _wide(heading: str, pixels: int) -> Json:
    matcher = {"id": "byName", "options": heading}
    return {"matcher": matcher, "properties": [{"id": "custom.width", "value": pixels}]}


def _story_link() -> dict[str, Any]:
    """To this dashboard again, with the device of this cell; the other choices stay."""
    kept = "&".join(f"${{{name}:queryparam}}" for name in _KEPT)
    url = f"/d/{EVENTS}?${{__url_time_range}}&{kept}&var-device=${{__value.raw:percentencode}}"
    return {"title": "The story of this device", "url": url, "targetBlank": False}
