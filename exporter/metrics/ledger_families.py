"""Name and HELP of the families whose values the ledger keeps: its counters, and its gauges of devices."""

from typing import Final, Literal, NamedTuple

from exporter.wire import families
from exporter.wire.families import Family

_DEVICES: Final = {
    False: "production devices",
    True: "emulators and development builds (is_emulator true or is_prod false)",
}


class LedgerFamily(NamedTuple):
    """A family of the ledger as it is shown: of production or of test devices, its name (a counter's without `_total`),
    the label that tells its counters apart, and its HELP.
    """

    family: Family
    test: bool
    name: str
    label: str
    text: str

    @property
    def kind(self) -> Literal["counter", "histogram"]:
        """Its TYPE."""
        return "histogram" if self.family.bounds else "counter"


LEDGER_FAMILIES: Final = tuple(
    LedgerFamily(family, test, f"capgo_{'test_' * test}{name}", label, text.format(_DEVICES[test]))
    for family, name, label, text in (
        (
            families.EVENTS,
            "events",
            "action",
            "Events of {}, each counted once, by app, action of the plugin, platform and bundle version.",
        ),
        (
            families.VISITS,
            "visits",
            "reports",
            "Visits (app_moved_to_foreground) of {}, by what their sender is able to report: crashes of the app and "
            "errors of its pages, errors only, or nothing.",
        ),
        (
            families.LAUNCHES,
            "launch_seconds",
            "le",
            "Launches (app_launch_ready) of {}, by the seconds from the plugin's load to notifyAppReady.",
        ),
        (
            families.PAGE_LOADS,
            "page_load_seconds",
            "le",
            "Page loads (webview_page_loaded) of {}, by their seconds.",
        ),
        (
            families.STAGES,
            "device_stages",
            "stage",
            "Devices that entered a stage on the way to a version, each once while it tries that version.",
        ),
    )
    for test in (False, True)
    if family is not families.STAGES or not test  # of test devices nothing is remembered
)


class DeviceFamily(NamedTuple):
    """A gauge of devices: its name, the label beside those of the version, and its HELP."""

    name: str
    label: str
    text: str


RUNNING: Final = DeviceFamily(
    "capgo_devices", "window", "Devices heard from within the window (by the hour), each once, by the version it runs."
)
TRYING: Final = DeviceFamily(
    "capgo_rollout_devices",
    "stage",
    "Devices heard from within 30 days, each once, by the version that it tried last and the stage that it is at.",
)
