"""The variables at the head of a dashboard."""

from typing import Final

from dashboards.generator.panels import DATA_SOURCE, Json
from dashboards.generator.selectors import (
    ANY_APP,
    BUNDLES,
    EVENTS,
    EXPORTER,
    NAMED_APPS,
    ONE_APP,
    TARGETS,
    TEST_EVENTS,
    selector,
)
from dashboards.generator.thresholds import MIN_EVENTS

EVENTS_VARIABLE: Final = "${events}"
"""The metric name that the switch between production and test devices chooses."""

_ALPHABETICAL: Final = 1
_NEWEST_FIRST: Final = 8  # natural order, descending: 1.10 before 1.9

_SINGLE: Final = {"multi": False, "includeAll": False}


def _query(
    name: str,
    label: str,
    query: str,
    description: str,
    *,
    single: bool = False,
    newest: bool = False,
    all_value: str | None = ".+",
) -> Json:
    """`all_value` is what All asks for; None: each of the values that are offered, and no other."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": DATA_SOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"variable-{name}"},
        "refresh": 2,
        "regex": "",
        "sort": _NEWEST_FIRST if newest else _ALPHABETICAL,
        "hide": 0,
        "current": {},
        "options": [],
        **(_SINGLE if single else {"multi": True, "includeAll": True, "allValue": all_value}),
    }


def _custom(name: str, label: str, description: str, values: dict[str, str], chosen: str) -> Json:
    """`values`: text → value."""
    options = [{"text": text, "value": value, "selected": value == chosen} for text, value in values.items()]
    current = next({"text": option["text"], "value": option["value"]} for option in options if option["selected"])
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "description": description,
        "query": ",".join(value if text == value else f"{text} : {value}" for text, value in values.items()),
        "current": current,
        "options": options,
        "hide": 0,
        **_SINGLE,
    }


SOURCE: Final = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "hide": 0,
    "current": {},
    "options": [],
    **_SINGLE,
}
DEVICES: Final = _custom(
    "events",
    "Devices",
    "Production devices, or emulators and development builds, which are counted apart.",
    {"Production": EVENTS, "Test": TEST_EVENTS},
    EVENTS,
)
MINIMUM: Final = _custom(
    "min_events",
    "Min. events",
    "Shares of fewer events than this are not shown: one failure among three attempts says nothing.",
    {number: number for number in ("1", "10", "20", "50", "100", "500")},
    str(MIN_EVENTS),
)

_BUILD: Final = f"{EXPORTER}_build_info"
_TARGETS: Final = ",".join(TARGETS)
# All are those that show the exporter's build_info: `up` and `process_*` are of every job there is.
TARGET_VARIABLES: Final = [
    _query("job", "Job", f"label_values({_BUILD}, job)", "Scrape jobs of exporters.", all_value=None),
    _query(
        "instance",
        "Instance",
        f"label_values({_BUILD}{{{TARGETS[0]}}}, instance)",
        "Exporters; all add up.",
        all_value=None,
    ),
]

_APPS: Final = f"label_values({EVENTS_VARIABLE}{{{_TARGETS}}}, app_id)"
_OF_APP: Final = f"{EVENTS_VARIABLE}{{{_TARGETS},{ANY_APP}"
_OF_ONE_APP: Final = f"{EVENTS_VARIABLE}{{{_TARGETS},{ONE_APP}"
_PLATFORM: Final = f"label_values({_OF_APP}}}, platform)"

APPS: Final = _query("app_id", "App", _APPS, "The apps' ids.")
APP: Final = _query(
    "app_id",
    "App",
    f"label_values({EVENTS_VARIABLE}{{{_TARGETS},{NAMED_APPS}}}, app_id)",
    "The app's id; versions belong to an app.",
    single=True,
)
PLATFORMS: Final = _query("platform", "Platform", _PLATFORM, "android, ios, electron, react-native, web, other.")
VERSIONS: Final = _query(
    "version",
    "Version",
    f"label_values({_OF_APP}}}, version)",
    "Bundle versions, newest first. All includes `unknown` (the device named none), `__invalid__` (not printable) and "
    "`__overflow__` (beyond the exporter's budget), so that sums are complete.",
    newest=True,
)
VERSION: Final = _query(
    "version",
    "Version",
    f"label_values({_OF_ONE_APP},{BUNDLES}}}, version)",
    "The version that is rolled out; the newest comes first.",
    single=True,
    newest=True,
)
BASELINE: Final = _query(
    "baseline",
    "Baseline",
    f'label_values({_OF_ONE_APP},{BUNDLES},version!="$version"}}, version)',
    "What the version is compared with. All: every other version of the app.",
    newest=True,
)

# Without versions: what a rollback does to the counters of two of them cancels in all together only.
OVERVIEW_SCOPE: Final = [SOURCE, *TARGET_VARIABLES, DEVICES, APPS, PLATFORMS, MINIMUM]
SCOPE: Final = [SOURCE, *TARGET_VARIABLES, DEVICES, APPS, PLATFORMS, VERSIONS, MINIMUM]
ROLLOUT_SCOPE: Final = [SOURCE, *TARGET_VARIABLES, DEVICES, APP, VERSION, BASELINE, PLATFORMS, MINIMUM]
EXPORTER_SCOPE: Final = [SOURCE, *TARGET_VARIABLES]


def _logged(name: str, label: str, description: str, *matchers: str, newest: bool = False) -> Json:
    """Values of what a log store has, told from the counters: it can list no attribute's values itself."""
    return _query(name, label, f"label_values({selector(EVENTS, *matchers)}, {name})", description, newest=newest)


LOKI_SOURCE: Final = SOURCE | {"name": "loki", "label": "Log store", "query": "loki"}
ENVIRONMENT: Final = _custom(
    "environment",
    "Devices",
    "Production devices, or emulators and development builds.",
    {"Production": "production", "Test": "test"},
    "production",
)
DEVICE: Final = {
    "type": "textbox",
    "name": "device",
    "label": "Device",
    "description": "The id of the device whose story is told at the end; the tables' cells fill it in.",
    "query": "",
    "current": {"text": "", "value": ""},
    "options": [],
    "hide": 0,
}

LOKI_SCOPE: Final = [
    _logged("app_id", "App", "The apps' ids."),
    _logged("version", "Version", "Bundle versions, newest first.", ANY_APP, newest=True),
    _logged("platform", "Platform", "android, ios, electron, react-native, web, other.", ANY_APP),
    _logged("action", "Action", "What was reported.", ANY_APP),
    ENVIRONMENT,
    DEVICE,
    MINIMUM,
    SOURCE,
    LOKI_SOURCE,
]
