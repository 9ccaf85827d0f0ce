"""The variables at the head of a dashboard: what is looked at first, then, in a menu of their own, where it is from."""

from typing import Final

from dashboards.generator.panels import DATA_SOURCE, Json
from dashboards.generator.selectors import (
    ANY_APP,
    BUNDLES,
    EVENTS,
    EXPORTER,
    NAMED_APPS,
    ONE_APP,
    PRODUCTION,
    TARGETS,
    TEST,
    selector,
)
from dashboards.generator.thresholds import MIN_EVENTS

PREFIX: Final = "${prefix}"
"""How the names of metrics begin: the switch between production and test devices."""
EVENTS_VARIABLE: Final = f"{PREFIX}_events_total"

_ALPHABETICAL: Final = 1
_NEWEST_FIRST: Final = 8  # natural order, descending: 1.10 before 1.9

_VISIBLE: Final = 0
_IN_CONTROLS_MENU: Final = 3  # Grafana 12.3 and later; before that it is shown like the others, after them

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
    hide: int = _VISIBLE,
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
        "hide": hide,
        "current": {},
        "options": [],
        **(_SINGLE if single else {"multi": True, "includeAll": True, "allValue": all_value}),
    }


def _custom(name: str, label: str, description: str, values: dict[str, str], chosen: str, hide: int = _VISIBLE) -> Json:
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
        "hide": hide,
        **_SINGLE,
    }


_SOURCE: Final = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "hide": _IN_CONTROLS_MENU,
    "current": {},
    "options": [],
    **_SINGLE,
}
_DEVICES: Final = _custom(
    "prefix",
    "Environment",
    "Production devices, or emulators and development builds, which are counted apart.",
    {"Production": PRODUCTION, "Test": TEST},
    PRODUCTION,
)
_MINIMUM: Final = _custom(
    "min_events",
    "Min. events",
    "Shares of fewer events than this are not shown: one failure among three attempts says nothing.",
    {number: number for number in ("1", "10", "20", "50", "100", "500")},
    str(MIN_EVENTS),
    _IN_CONTROLS_MENU,
)

_BUILD: Final = f"{EXPORTER}_build_info"
_TARGETS: Final = ",".join(TARGETS)


def _targets(hide: int, all_value: str | None) -> list[Json]:
    of_job = f"label_values({_BUILD}{{{TARGETS[0]}}}, instance)"
    return [
        _query(
            "job", "Job", f"label_values({_BUILD}, job)", "Scrape jobs of exporters.", all_value=all_value, hide=hide
        ),
        _query("instance", "Instance", of_job, "Exporters; all add up.", all_value=all_value, hide=hide),
    ]


_APPS: Final = f"label_values({EVENTS_VARIABLE}{{{_TARGETS}}}, app_id)"
_NAMED_APPS: Final = f"label_values({EVENTS_VARIABLE}{{{_TARGETS},{NAMED_APPS}}}, app_id)"
_OF_APP: Final = f"{EVENTS_VARIABLE}{{{_TARGETS},{ANY_APP}"
_OF_ONE_APP: Final = f"{EVENTS_VARIABLE}{{{_TARGETS},{ONE_APP}"
_PLATFORM: Final = f"label_values({_OF_APP}}}, platform)"

_ANY_APPS: Final = _query("app_id", "App", _APPS, "The apps' ids.")
_APP: Final = _query("app_id", "App", _NAMED_APPS, "The app's id; versions belong to an app.", single=True)
_PLATFORMS: Final = _query("platform", "Platform", _PLATFORM, "android, ios, electron, react-native, web, other.")
_VERSIONS: Final = _query(
    "version",
    "Version",
    f"label_values({_OF_APP}}}, version)",
    "Bundle versions, newest first. All includes `unknown` (the device named none), `__invalid__` (not printable) and "
    "`__overflow__` (beyond the exporter's budget), so that sums are complete.",
    newest=True,
)
_VERSION: Final = _query(
    "version",
    "Version",
    f"label_values({_OF_ONE_APP},{BUNDLES}}}, version)",
    "The version that is rolled out; the newest comes first.",
    single=True,
    newest=True,
)
_BASELINE: Final = _query(
    "baseline",
    "Baseline",
    f'label_values({_OF_ONE_APP},{BUNDLES},version!="$version"}}, version)',
    "What the version is compared with. All: every other version of the app.",
    newest=True,
)
_FROM: Final = [_MINIMUM, _SOURCE, *_targets(_IN_CONTROLS_MENU, ".+")]

# Without versions: what a rollback does to the counters of two of them cancels in all together only.
OVERVIEW_SCOPE: Final = [_ANY_APPS, _PLATFORMS, _DEVICES, *_FROM]
SCOPE: Final = [_ANY_APPS, _VERSIONS, _PLATFORMS, _DEVICES, *_FROM]
ROLLOUT_SCOPE: Final = [_APP, _VERSION, _BASELINE, _PLATFORMS, _DEVICES, *_FROM]
# All are those that show the exporter's build_info: `up` and `process_*`, which it asks for, are of every job there is.
EXPORTER_SCOPE: Final = [*_targets(_VISIBLE, None), _SOURCE]


def _logged(name: str, label: str, description: str, *matchers: str, newest: bool = False) -> Json:
    """Values of what a log store has, told from the counters: it can list no attribute's values itself."""
    return _query(name, label, f"label_values({selector(EVENTS, *matchers)}, {name})", description, newest=newest)


_LOKI_SOURCE: Final = _SOURCE | {"name": "loki", "label": "Log store", "query": "loki"}
_ENVIRONMENT: Final = _custom(
    "environment",
    "Environment",
    "Production devices, or emulators and development builds.",
    {"Production": "production", "Test": "test"},
    "production",
)
_DEVICE: Final = {
    "type": "textbox",
    "name": "device",
    "label": "Device",
    "description": "The id of the device whose story is told at the end; the tables' cells fill it in.",
    "query": "",
    "current": {"text": "", "value": ""},
    "options": [],
    "hide": _VISIBLE,
}

LOKI_SCOPE: Final = [
    _logged("app_id", "App", "The apps' ids."),
    _logged("version", "Version", "Bundle versions, newest first.", ANY_APP, newest=True),
    _logged("platform", "Platform", "android, ios, electron, react-native, web, other.", ANY_APP),
    _logged("action", "Action", "What was reported.", ANY_APP),
    _ENVIRONMENT,
    _DEVICE,
    _MINIMUM,
    _SOURCE,
    _LOKI_SOURCE,
]
