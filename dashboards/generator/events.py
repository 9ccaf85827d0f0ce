"""The dashboard Events: which devices, and what do they say? It asks a log store, which the others do not need."""

from typing import Any, Final

from dashboards.generator import colors, selectors
from dashboards.generator.charts import bars
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
from dashboards.generator.panels import TOO_FEW, Json, Panel, Query, override, stat
from dashboards.generator.tables import Column, Label, table
from dashboards.generator.update_panels import AT_LEAST
from dashboards.generator.variables import LOKI_SCOPE
from dashboards.generator.words import WORDS, in_words

_REASONS: Final = 25
_DEVICES: Final = 25

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
            Row(
                "Why, and which devices?",
                [_reasons(failed), _scripts(), _spread(failed), _lately(failed), _devices(failed)],
            ),
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
                (4, 9),
                Query(failed.devices()),
                decimals=0,
            )
        ),
        of_loki(
            stat(
                "Failures",
                "Events that say that something went wrong: failed outcomes, failures, health. A device that fails ten "
                "times counts ten times; beside it stands on how many. Good: few.",
                (4, 9),
                Query(failed.count()),
                decimals=0,
            )
        ),
        of_loki(
            bars(
                "Failures over time",
                "Failures by action, as they arrived. Good: no step where a version was first seen.",
                (16, 9),
                Query(failed.count("action", window="$__auto"), "{{action}}"),
                of="events",
                overrides=colors.kinds(),
            )
        ),
    ]


def _counts(lines: Lines, by: dict[str, str], most: int) -> list[Column]:
    devices = lines.devices(*by)
    return [
        Column("Devices", f"topk({most}, {devices})", width=80),
        Column("Events", f"{lines.count(*by)} and topk({most}, {devices})", width=60),
    ]


def _reasons(failed: Lines) -> Panel:
    by = {"action": "Action", "reason": "Reason"}
    return of_loki(
        table(
            "Top reasons",
            "What failing devices say, by how many say it: the error's message, the exit's description, or the file "
            f"that failed, cut at 256 bytes. The first {_REASONS}. Good: empty, or old friends. Failures without a "
            "reason (`update_fail` says none) are not here: look at what else these devices report.",
            (24, 9),
            {"action": Label("Action", 390, words=in_words(WORDS)), "reason": Label("Reason", wrapped=True)},
            _counts(failed.where('reason!=""'), by, _REASONS),
            sort="Devices",
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
            (13, 9),
            {
                name: Label(heading, {"File": 100, "Line": 56}.get(heading), wrapped=heading == "Message")
                for name, heading in by.items()
            },
            [
                Column("Devices", most, width=80),
                Column("Elsewhere", f"{others.devices(*by)} and {scripts.count(*by)}", width=88),
            ],
            sort="Devices",
        )
    )


def _lately(failed: Lines) -> Panel:
    columns = {"action": "Action", "reason": "Reason", "version": "Version", "platform": "Platform"}
    columns |= {"version_os": "OS", "plugin_version": "Plugin", "device_id": "Device"}
    return line_table(
        "What failed lately",
        "The newest failures, a line each: the device's own words. Choose a device to read its story below. Good: "
        "nothing new.",
        (24, 11),
        f"{failed.query} | keep {', '.join(columns)}, detected_level",
        columns,
        [
            override("byName", "Device", {"links": [_story_link()]}),
            override("byName", "Reason", {"custom.wrapText": True}),
            *(override("byName", heading, {"custom.width": pixels}) for heading, pixels in _WIDTHS.items()),
        ],
    )


_WIDTHS: Final = {
    "Time": 160,
    "Action": 200,
    "Version": 66,
    "Platform": 76,
    "OS": 52,
    "Plugin": 74,
    "Device": 306,
}


def _spread(failed: Lines) -> Panel:
    return of_loki(
        table(
            "Devices by version and action",
            "Distinct devices that reported a failure, by version and action: how far each kind has spread. Good: "
            "small numbers, and none that came with a version.",
            (11, 9),
            {"version": Label("Version", 64), "action": Label("Action", words=in_words(WORDS), wrapped=True)},
            _counts(failed, {"version": "Version", "action": "Action"}, 50),
            sort="Devices",
        )
    )


def _devices(failed: Lines) -> Panel:
    who = {"device_id": "Device", "platform": "Platform", "version_os": "OS", "plugin_version": "Plugin"}
    return of_loki(
        table(
            "Devices that fail most",
            f"The {_DEVICES} devices with most failures, and how many kinds of failure each reports. Good: no device "
            "far above the others; one alone is a broken phone, not a broken bundle.",
            (24, 9),
            {
                name: Label(heading, 325, [_story_link()]) if heading == "Device" else Label(heading)
                for name, heading in who.items()
            },
            [
                Column("Failures", f"topk({_DEVICES}, {failed.where(DEVICE).count(*who)})"),
                Column("Kinds", _kinds_of_failure(failed, tuple(who))),
            ],
            sort="Failures",
        )
    )


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
                {"platform": Label("Platform", 76), attribute: Label(heading)},
                [
                    Column(
                        "Failed",
                        share(failures, attempts, tuple(by), AT_LEAST),
                        "percentunit",
                        1,
                        no_value=TOO_FEW,
                        width=72,
                    ),
                    Column("Attempts", attempts.count(*by), width=80),
                ],
                sort="Failed",
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


def _story_link() -> dict[str, Any]:
    """To this dashboard again, with the device of this cell; the other choices stay."""
    kept = "&".join(f"${{{name}:queryparam}}" for name in _KEPT)
    url = f"/d/{EVENTS}?${{__url_time_range}}&{kept}&var-device=${{__value.raw:percentencode}}"
    return {"title": "The story of this device", "url": url, "targetBlank": False}
