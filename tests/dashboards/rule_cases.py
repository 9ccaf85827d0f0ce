"""When each alert fires and when it stays silent: claims, each with the counters that it is about.

Series are written in promtool's notation: `0+5x120` is 121 samples a minute apart, from 0 up by 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from exporter.counting.budgets import RESERVED_SERIES

Series = dict[str, str]
"""Selector → values."""

OUTCOMES = ("set", "set_fail", "update_fail", "download_complete", "download_fail")
ANDROID = {"app_id": "com.example.shop", "platform": "android", "version": "1.4.2"}
FOLDED = {"app_id": "__overflow__", "platform": "android", "version": "__overflow__"}
JOB = 'job="capgo-exporter",instance="capgo-exporter-1"'
EXPORTER = {"instance": "capgo-exporter-1"}


class Case(NamedTuple):
    """`alert` fires at `at`, with the labels of `fires`, or not at all."""

    claim: str
    alert: str
    at: str
    series: Series
    fires: Mapping[str, str] | None = None


def events(minutes: int = 120, instance: str = "capgo-exporter-1", **rates: float) -> Series:
    """The counters of a version on Android: events a minute, by action; the outcomes that don't happen stay at 0."""
    return of(ANDROID, minutes, instance, **rates)


def of(labels: Mapping[str, str], minutes: int = 120, instance: str = "capgo-exporter-1", **rates: float) -> Series:
    target = f'job="capgo-exporter",instance="{instance}"'
    given = ",".join(f'{name}="{value}"' for name, value in labels.items())
    steady: dict[str, float] = dict.fromkeys(OUTCOMES, 0) | rates
    return {
        f'capgo_events_total{{{target},{given},action="{action}"}}': f"0+{rate}x{minutes}"
        for action, rate in steady.items()
    }


def own(name: str, values: str, labels: str = "") -> Series:
    return {f"{name}{{{','.join(part for part in (JOB, labels) if part)}}}": values}


def _counter(action: str) -> str:
    """That of the version on Android."""
    (counter,) = (key for key in events() if f'action="{action}"' in key)
    return counter


BASELINE = ANDROID | {"version": "1.4.1"}
APP = {"app_id": "com.example.shop"}


def _downloads(labels: Mapping[str, str], begun: float, arrived: float, unpacked: float | None = None) -> Series:
    """Downloads a minute for hours, by a plugin that announces them; what is not unpacked is told of."""
    complete = arrived if unpacked is None else unpacked
    return of(
        labels,
        480,
        download_zip_start=begun,
        download_zip_complete=arrived,
        finish_download_fail=arrived - complete,
        download_complete=complete,
    )


def _device_series(name: str, stage: str, values: str) -> Series:
    given = ",".join(f'{label}="{value}"' for label, value in ANDROID.items())
    return own(name, values, f'{given},stage="{stage}"')


def _standing(stage: str, values: str) -> Series:
    """Devices at a stage; those that are installed have also come there."""
    standing = _device_series("capgo_rollout_devices", stage, values)
    return standing | (_device_series("capgo_device_stages_total", stage, values) if stage == "installed" else {})


WEEK = 7 * 24 * 60
"""Minutes."""


def _of_days(*rates: int) -> Series:
    """As many installs a minute as are said of each day."""
    days, reached = [], 0
    for rate in rates:
        days.append(f"{reached}+{rate}x1439")
        reached += rate * 1440
    return {_counter("set"): " ".join(days)}


UPDATES = [
    Case(
        "a version of which one update in ten fails fires",
        "CapgoUpdatesFailing",
        "92m",
        events(set=5, update_fail=0.5),
        ANDROID,
    ),
    Case(
        "a version that nobody is offered any more, and that fails where it was set hours ago, fires",
        "CapgoUpdatesFailing",
        "124m",
        of(ANDROID, 130) | {_counter("set"): "0+10x30 300x100", _counter("update_fail"): "0x30 0+3x100"},
        ANDROID,
    ),
    Case(
        "failures counted by two exporters add up to one alert",
        "CapgoUpdatesFailing",
        "92m",
        events(set=0.2, update_fail=0.04) | events(instance="capgo-exporter-2", set=0.2, update_fail=0.04),
        ANDROID,
    ),
    Case(
        "one failure in a hundred is no reason to wake anybody",
        "CapgoUpdatesFailing",
        "92m",
        events(set=5, set_fail=0.05),
    ),
    Case(
        "two failures among ten attempts are too few to judge by",
        "CapgoUpdatesFailing",
        "92m",
        events(set=0.15, set_fail=0.03),
    ),
    *(
        Case(
            f"{platform} is left out, as its client sends set at each launch",
            "CapgoUpdatesFailing",
            "92m",
            of(ANDROID | {"platform": platform}, set=5, set_fail=1),
        )
        for platform in ("electron", "react-native")
    ),
    Case(
        "events that name no version are not taken for a version",
        "CapgoUpdatesFailing",
        "92m",
        of(ANDROID | {"version": "unknown"}, set=5, set_fail=1)
        | of(ANDROID | {"version": "__overflow__"}, set=5, set_fail=1),
    ),
    Case(
        "test devices wake nobody",
        "CapgoUpdatesFailing",
        "92m",
        {key.replace("capgo_events", "capgo_test_events"): values for key, values in events(set=5, set_fail=1).items()},
    ),
    Case(
        "a version that fails ten times as often as the one before fires",
        "CapgoVersionWorse",
        "92m",
        events(set=5, update_fail=0.5) | of(BASELINE, set=5, update_fail=0.05),
        ANDROID,
    ),
    Case(
        "a version that fails as often as the one before is not worse",
        "CapgoVersionWorse",
        "92m",
        events(set=5, update_fail=0.5) | of(BASELINE, set=5, update_fail=0.5),
    ),
    Case(
        "a version on another platform is no baseline",
        "CapgoVersionWorse",
        "92m",
        events(set=5, update_fail=0.5) | of(BASELINE | {"platform": "ios"}, set=5),
    ),
    Case(
        "downloads of which half never complete fire",
        "CapgoDownloadsNotFinishing",
        "92m",
        events(download_zip_start=2, download_complete=1),
        ANDROID,
    ),
    Case(
        "downloads of an old plugin without start events are judged by their progress",
        "CapgoDownloadsNotFinishing",
        "92m",
        events(download_0=2, download_10=1.8, download_complete=1),
        ANDROID,
    ),
    Case(
        "second downloads of an Android app, which report no progress, are no loss",
        "CapgoDownloadsNotFinishing",
        "92m",
        events(
            download_zip_start=2,
            download_10=1,
            download_70=1,
            download_90=1,
            download_zip_complete=2,
            download_complete=2,
        ),
    ),
    Case(
        "downloads of old plugins that all stall are not hidden behind newer ones that all arrive",
        "CapgoDownloadsNotFinishing",
        "92m",
        events(download_zip_start=2, download_zip_complete=2, download_complete=2, download_10=4, download_70=1.8),
        ANDROID,
    ),
    Case(
        "old plugins whose downloads all arrive beside newer ones are no loss",
        "CapgoDownloadsNotFinishing",
        "92m",
        events(download_zip_start=2, download_zip_complete=2, download_complete=4, download_10=3.8, download_70=3.8),
    ),
    Case(
        "a version that loses an eighth of its downloads, where others lose one in fifty, is worse",
        "CapgoDownloadsWorse",
        "400m",
        _downloads(ANDROID, 0.4, 0.35) | _downloads(BASELINE, 1, 0.98),
        ANDROID,
    ),
    Case(
        "a version that loses as many downloads as the others is no worse, be the network what it may",
        "CapgoDownloadsWorse",
        "400m",
        _downloads(ANDROID, 0.4, 0.35) | _downloads(BASELINE, 1, 0.87),
    ),
    Case(
        "downloads that are on their way at the end of the window are no reason to compare",
        "CapgoDownloadsWorse",
        "400m",
        _downloads(ANDROID, 1, 0.995) | _downloads(BASELINE, 1, 1),
    ),
    Case(
        "what breaks while it is unpacked is lost, as Android says itself",
        "CapgoDownloadsWorse",
        "400m",
        _downloads(ANDROID, 0.4, 0.4, 0.34) | _downloads(BASELINE, 1, 0.98),
        ANDROID,
    ),
    Case(
        "a fifth of the devices standing at a failure for days, while the rollout goes on, fires",
        "CapgoDevicesStuck",
        "2000m",
        _standing("failed", "0+1x120 120x1980") | _standing("installed", "0+0.2x2100"),
        ANDROID,
    ),
    Case(
        "devices that stand at a download for days fire as well, however many pass by",
        "CapgoDevicesStuck",
        "2000m",
        _standing("downloading", "0+1x120 120x1980") | _standing("installed", "0+0.2x2100"),
        ANDROID,
    ),
    Case(
        "devices that stand still do so also where Prometheus was away for an hour a day ago",
        "CapgoDevicesStuck",
        "2080m",
        _standing("failed", "120x600 _x60 120x1440") | _standing("installed", "0+0.2x600 _x60 132+0.2x1440"),
        ANDROID,
    ),
    Case(
        "devices that began within the day are on their way, however many",
        "CapgoDevicesStuck",
        "2000m",
        _standing("downloading", "0x1900 0+2x200") | _standing("installed", "0+0.2x2100"),
    ),
    Case(
        "a version that is not a day old has no device that stood for one",
        "CapgoDevicesStuck",
        "2000m",
        _standing("failed", "_x1200 120x900") | _standing("installed", "_x1200 0+0.2x900"),
    ),
    Case(
        "the few that an old version leaves behind are stuck and wake nobody, as nobody gets it any more",
        "CapgoDevicesStuck",
        "2000m",
        _standing("failed", "60x2100") | _standing("installed", "100x2100"),
    ),
    Case(
        "a twentieth of the devices being stuck is how it always is",
        "CapgoDevicesStuck",
        "2000m",
        _standing("failed", "20x2100") | _standing("installed", "0+0.2x2100"),
    ),
    Case(
        "steps that iOS repeats for each file of a manifest are no downloads",
        "CapgoDownloadsNotFinishing",
        "92m",
        of(
            ANDROID | {"platform": "ios"},
            download_0=1,
            download_20=5,
            download_50=9,
            download_70=1,
            download_complete=1,
        ),
    ),
    Case(
        "an app that was busy at this hour yesterday and says nothing today fires",
        "CapgoAppSilent",
        "1500m",
        dict.fromkeys(events(), "0+5x1380 6900+0x200"),
        APP,
    ),
    Case(
        "the apps beyond the budget, counted as one, are no app that falls silent",
        "CapgoAppSilent",
        "1500m",
        dict.fromkeys(of(FOLDED), "0+5x1380 6900+0x200"),
    ),
    Case("an app that is used today is not silent", "CapgoAppSilent", "1500m", events(1600, set=5)),
    Case(
        "an app that was quiet at this hour yesterday may be quiet today",
        "CapgoAppSilent",
        "1500m",
        dict.fromkeys(events(), "0x600 0+5x100 500x900"),
    ),
    Case(
        "a Saturday is as quiet as the last one, whatever Friday was",
        "CapgoAppSilent",
        f"{WEEK + 600}m",
        _of_days(0, 0, 5, 5, 5, 5, 5, 0),
    ),
    Case(
        "a Monday without events fires, though Sunday was quiet as well",
        "CapgoAppSilent",
        f"{WEEK + 600}m",
        _of_days(5, 5, 5, 5, 5, 0, 0, 0),
        APP,
    ),
    Case(
        "an app that a new ledger never heard from fires",
        "CapgoAppSilent",
        "1500m",
        dict.fromkeys(events(), "0+5x1380") | own("up", "1x1600"),
        APP,
    ),
    Case(
        "of an exporter that is down another alert tells, and not each of its apps",
        "CapgoAppSilent",
        "1500m",
        dict.fromkeys(events(), "0+5x1380") | own("up", "1x1380 0x200"),
    ),
]

_FAILED = {"app_id": "com.example.shop"}
BURNS = [
    Case(
        "a fifth of an app's updates failing burns the budget fast",
        "CapgoErrorBudgetBurningFast",
        "72m",
        events(set=5, set_fail=1.25),
        _FAILED,
    ),
    Case(
        "a first rollout of which every update goes back to the bundle the app came with burns the budget fast",
        "CapgoErrorBudgetBurningFast",
        "72m",
        events(set=2, update_fail=2),
        _FAILED,
    ),
    Case(
        "the apps beyond the budget, counted as one, have no budget to burn fast",
        "CapgoErrorBudgetBurningFast",
        "72m",
        of(FOLDED, set=5, set_fail=1.25),
    ),
    Case(
        "the apps beyond the budget, counted as one, have no budget to burn",
        "CapgoErrorBudgetBurning",
        "400m",
        of(FOLDED, 600, set=11, set_fail=1),
    ),
    Case(
        "the apps beyond the budget, counted as one, have no budget to burn slowly",
        "CapgoErrorBudgetBurningSlowly",
        "560m",
        of(FOLDED, 700, set=49, set_fail=1),
    ),
    Case(
        "a fast burn that has ended is silent after minutes",
        "CapgoErrorBudgetBurningFast",
        "72m",
        events(set=5) | {key: "0+1.25x60 75+0x60" for key in events() if '"set_fail"' in key},
    ),
    Case(
        "a twelfth of an app's updates failing for hours burns the budget",
        "CapgoErrorBudgetBurning",
        "400m",
        events(600, set=11, set_fail=1),
        _FAILED,
    ),
    Case(
        "three updates in a hundred failing do not burn the budget in days",
        "CapgoErrorBudgetBurning",
        "400m",
        events(600, set=97, set_fail=3),
    ),
    Case(
        "two updates in a hundred failing burn the budget slowly",
        "CapgoErrorBudgetBurningSlowly",
        "560m",
        events(700, set=49, set_fail=1),
        _FAILED,
    ),
    Case(
        "half a percent of failing updates is within the budget",
        "CapgoErrorBudgetBurningSlowly",
        "560m",
        events(700, set=199, set_fail=1),
    ),
]

STATE = [
    Case("an exporter that can't be scraped is down", "CapgoExporterDown", "20m", own("up", "1x5 0x30"), EXPORTER),
    Case("an exporter that nobody scrapes is down", "CapgoExporterDown", "20m", {'up{job="other"}': "1x30"}, {}),
    Case(
        "an exporter that restarts within minutes is not down", "CapgoExporterDown", "20m", own("up", "1x15 0 0 0 1x20")
    ),
    Case(
        "an exporter that can't count posts is not ready",
        "CapgoExporterNotReady",
        "20m",
        own("capgo_exporter_ready", "1x5 0x30"),
        EXPORTER,
    ),
    Case("an exporter that counts posts is ready", "CapgoExporterNotReady", "20m", own("capgo_exporter_ready", "1x30")),
    Case(
        "commits that fail fire at once",
        "CapgoCommitsFailing",
        "12m",
        own("capgo_exporter_commit_errors_total", "0x8 3x30"),
        EXPORTER,
    ),
    Case(
        "commits that failed an hour ago are over",
        "CapgoCommitsFailing",
        "72m",
        own("capgo_exporter_commit_errors_total", "0x8 3x90"),
    ),
]


def _part(counter: str, label: str, whole: str, rate: float) -> Series:
    return own(f"capgo_exporter_{counter}", f"0+{rate}x60", label) | own(f"capgo_exporter_{whole}", "0+100x60")


def _refused(rate: float) -> Series:
    return (
        own("capgo_exporter_requests_total", f"0+{100 - rate}x60", 'code="200"')
        | own("capgo_exporter_requests_total", f"0+{rate}x60", 'code="429"')
        | own("capgo_exporter_requests_refused_total", f"0+{rate}x60", 'reason="overloaded"')
    )


def _buckets(slow: float) -> Series:
    """A hundred commits a minute, of which `slow` take between half a second and a second."""
    counts = {"0.01": 100 - slow, "0.5": 100 - slow, "1.0": 100.0, "+Inf": 100.0}
    return {
        key: values
        for bound, count in counts.items()
        for key, values in own("capgo_exporter_commit_seconds_bucket", f"0+{count}x60", f'le="{bound}"').items()
    }


MAX_SERIES = (5_000, 10_000, 100_000, 1_000_000)
"""Settings of `--max-series`, from the least that it takes."""


def _series(part: float, limit: int) -> Series:
    """So large a part in use of the series at which the ledger begins to fold versions."""
    used = round(part * (limit - 2 * RESERVED_SERIES))
    return own("capgo_exporter_series", f"{used}x60") | own("capgo_exporter_series_limit", f"{limit}x60")


LOSSES = [
    Case(
        "a tenth of the posts refused fires",
        "CapgoRequestsRefused",
        "40m",
        _refused(10),
        EXPORTER | {"reason": "overloaded"},
    ),
    Case("a refused post now and then does not", "CapgoRequestsRefused", "40m", _refused(0.5)),
    Case(
        "a tenth of the events rejected fires",
        "CapgoEventsRejected",
        "40m",
        _part("events_rejected_total", 'reason="missing_action"', "events_received_total", 10),
        EXPORTER | {"reason": "missing_action"},
    ),
    Case(
        "a hundredth of the events rejected is what strangers send",
        "CapgoEventsRejected",
        "40m",
        _part("events_rejected_total", 'reason="missing_action"', "events_received_total", 1),
    ),
    Case(
        "a tenth of the events folded fires",
        "CapgoEventsFolding",
        "40m",
        _part("events_folded_total", 'label="version"', "events_received_total", 10),
        EXPORTER | {"label": "version"},
    ),
    Case(
        "the first events of a version beyond the allowance are folded silently",
        "CapgoEventsFolding",
        "40m",
        _part("events_folded_total", 'label="version"', "events_received_total", 0.5),
    ),
    Case(
        "nine tenths of a label's budget in use fires",
        "CapgoBudgetNearlyFull",
        "40m",
        own("capgo_exporter_label_values", "90x60", 'label="version"')
        | own("capgo_exporter_label_limit", "100x60", 'label="version"')
        | own("capgo_exporter_label_demand", "95x60", 'label="version"'),
        EXPORTER | {"label": "version"},
    ),
    *(
        Case(
            f"nine tenths of the series that versions may have of {limit} fires, before any version folds",
            "CapgoBudgetNearlyFull",
            "40m",
            _series(0.9, limit),
            EXPORTER | {"label": "series"},
        )
        for limit in MAX_SERIES
    ),
    *(
        Case(
            f"three quarters of the series that versions may have of {limit} is fine",
            "CapgoBudgetNearlyFull",
            "40m",
            _series(0.75, limit),
        )
        for limit in MAX_SERIES
    ),
    Case(
        "an allow-list of apps that are all in use is no budget to worry about",
        "CapgoBudgetNearlyFull",
        "40m",
        own("capgo_exporter_label_values", "25x60", 'label="app_id"')
        | own("capgo_exporter_label_limit", "25x60", 'label="app_id"')
        | own("capgo_exporter_label_demand", "0x60", 'label="app_id"'),
    ),
    Case(
        "nine devices of ten that may be remembered fire",
        "CapgoBudgetNearlyFull",
        "40m",
        own("capgo_exporter_devices", "900000x60") | own("capgo_exporter_devices_limit", "1000000x60"),
        EXPORTER | {"label": "devices"},
    ),
    Case(
        "remembering no devices at all is a choice",
        "CapgoBudgetNearlyFull",
        "40m",
        own("capgo_exporter_devices", "0x60") | own("capgo_exporter_devices_limit", "0x60"),
    ),
    Case(
        "half of a label's budget in use is fine",
        "CapgoBudgetNearlyFull",
        "40m",
        own("capgo_exporter_label_values", "50x60", 'label="version"')
        | own("capgo_exporter_label_limit", "100x60", 'label="version"'),
    ),
    Case(
        "every second event a retry fires",
        "CapgoDuplicatesSurging",
        "40m",
        _part("events_duplicate_total", "", "events_received_total", 50),
        EXPORTER,
    ),
    Case(
        "a retry in twenty is the usual weather",
        "CapgoDuplicatesSurging",
        "40m",
        _part("events_duplicate_total", "", "events_received_total", 5),
    ),
    Case(
        "a single event that a log store will never have fires, by reason",
        "CapgoEventStoreDropping",
        "40m",
        own("capgo_exporter_event_store_dropped_total", "0x30 1x60", 'reason="given_up"'),
        EXPORTER | {"reason": "given_up"},
    ),
    Case(
        "a log store that has everything, or none at all, is silent",
        "CapgoEventStoreDropping",
        "40m",
        own("capgo_exporter_event_store_dropped_total", "0x60", 'reason="given_up"'),
    ),
    Case("commits that take most of a second fire", "CapgoCommitsSlow", "40m", _buckets(slow=20), EXPORTER),
    Case("commits within milliseconds are fine", "CapgoCommitsSlow", "40m", _buckets(slow=0)),
]


def _held(hold: int, up: str) -> Series:
    return own("capgo_exporter_zero_hold_seconds", f"{hold}x240") | own("up", up)


UPKEEP = [
    Case(
        "a single line that the event log loses fires",
        "CapgoEventLogDropping",
        "40m",
        own("capgo_exporter_event_log_dropped_total", "0x30 1x60"),
        EXPORTER,
    ),
    Case(
        "an event log that has every line, or none at all, is silent",
        "CapgoEventLogDropping",
        "40m",
        own("capgo_exporter_event_log_dropped_total", "0x60"),
    ),
    Case(
        "scrapes every two minutes do not see a new series twice within 150 seconds",
        "CapgoHoldTooShort",
        "200m",
        _held(150, "1 _ " * 120),
        EXPORTER,
    ),
    Case("a hold of nothing is too short", "CapgoHoldTooShort", "200m", _held(0, "1x240"), EXPORTER),
    Case("scrapes every minute do", "CapgoHoldTooShort", "200m", _held(150, "1x240")),
    Case(
        "an hour without a Prometheus, and a start since, do not look like rare scrapes",
        "CapgoHoldTooShort",
        "200m",
        _held(150, "1x80 _x60 0x10 1x90"),
    ),
]

CASES = [*UPDATES, *BURNS, *STATE, *LOSSES, *UPKEEP]
