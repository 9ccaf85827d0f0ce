"""A phone as its app knows it: who it is, what it runs, and how it writes an event down.

Field lists by version are those of the plugin's `createInfoObject` and `sendStats` (Android `CapgoUpdater.java`,
`DownloadService.java`; iOS `CapgoUpdater.swift`, `InternalUtils.swift`; Electron's `index.ts`), and those of
`@capgo/react-native-updater` 0.1.0.
"""

import random
import uuid
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from exporter.simulator.account import Fate, Labels, version_label
from exporter.simulator.dialects import Dialect, Platform
from exporter.simulator.health import Counter, Reports, counters
from exporter.simulator.told import Attempt, Told

System = Literal["android", "ios", "electron"]
"""What the device is."""

_SYSTEMS: Final[dict[System, tuple[str, ...]]] = {
    "android": ("10", "13", "14", "15", "15", "16", "16"),
    "ios": ("16.7", "17.5", "18.6", "18.7", "26.1", "26.5"),
    "electron": ("24.6.0", "10.0.26100", "6.14.0"),
}
_CONTENT_TYPES: Final[dict[System, str]] = {
    "android": "application/json; charset=utf-8",
    "ios": "application/json",
    "electron": "application/json",
}
_LIBRARY_AGENTS: Final[dict[System, str]] = {
    "android": "okhttp/4.12.0",
    "ios": "App/1.4.0 ({app}; build:140; iOS {os}.0) Alamofire/5.10.2",
    "electron": "node",
}
_OF_WHAT_RUNS: Final = (
    *("app_anr", "app_crash", "app_killed_", "app_launch_ready", "app_launch_start", "app_memory_", "app_moved_to_"),
    *("reset", "webview_"),
)
"""How actions begin whose events name the bundle that runs; and `set`."""

_PUBLIC_KEY: Final = "MIIBCgKCAQEAvq3Zu1kN"
_SKEWED_SHARE: Final = 0.02
_LARGEST_SKEW_MS: Final = 2 * 24 * 3600 * 1000


class Step(NamedTuple):
    """Something that happens on a phone, `after` seconds by its own clock since the step before.

    A `version_name` of None is left out, as the plugin does where it has forgotten it. `alone` events are posted as
    single objects by code beside the queue, without a timestamp. Steps 0 seconds after another share its millisecond.
    A `set` that `restores` is that of a rollback, which puts the version before in place again. With `names_id` the
    `version_name` is the bundle's id, which says nothing of its version. `attempt` is what the step tells of an update,
    whatever its `version_name` is.
    """

    after: float
    action: str
    version_name: str | None
    old_version_name: str = ""
    metadata: Mapping[str, str] | None = None
    alone: bool = False
    restores: bool = False
    names_id: bool = False
    attempt: Attempt | None = None


class Phone:
    """`chance` decides once who the phone is; what it runs is then changed by the stories told of it."""

    __slots__ = (
        "_alone",
        "_in_queue",
        "_last_ms",
        "app_id",
        "current",
        "death",
        "dialect",
        "failed",
        "headers",
        "is_test",
        "native",
        "percent",
        "reports",
        "skew_ms",
        "system",
        "told",
    )

    def __init__(self, dialect: Dialect, app_id: str, native: str, test_share: float, chance: random.Random) -> None:
        self.dialect: Final = dialect
        self.app_id: Final = app_id
        self.native: Final = native
        self.current: str | None = None
        """The bundle it runs; None is the one that came with the app."""
        self.failed: frozenset[str] = frozenset()
        self.percent = 0
        """The last step that the app's process has reported; only rises while the process lives."""
        self.death: str | None = None
        """How the last process ended, by the word for it, if that is to be told."""
        self.skew_ms: Final = (
            chance.randrange(-_LARGEST_SKEW_MS, _LARGEST_SKEW_MS) if chance.random() < _SKEWED_SHARE else 0
        )
        self._last_ms = 0
        tests = chance.random() < test_share and dialect.has("device_flags")
        emulator = tests and chance.random() < 0.5
        self.is_test: Final = tests
        self.told: Final = Told(app_id, dialect.platform, tests, len(Fate))
        self.system: Final = _system(dialect.platform, chance)
        release = chance.choice(_SYSTEMS[self.system])
        self.reports: Final = _reports(dialect, release)
        self.headers: Final = _headers(self, release)
        identity = _identity(self, some_id(chance), release, emulator)
        self._in_queue: Final = _open_object(identity)
        identity.pop("key_id", None)  # the download worker does not know it
        self._alone: Final = _open_object(identity)

    @property
    def native_name(self) -> str:
        if self.dialect.platform == "electron":
            return ""
        return self.native if self.dialect.has("names_native") else "builtin"

    def name(self, bundle: str | None) -> str:
        """How this client spells a bundle."""
        return self.native_name if bundle is None else bundle

    def about(self, bundle: str) -> str:
        """The name in an event about a bundle: old clients always send the running one's."""
        return bundle if self.dialect.has("names_subject") else self.name(self.current)

    def body(self, step: Step, now_ms: int) -> bytes:
        """The step as the JSON object that the client makes of it, at `now_ms` since the epoch by a right clock."""
        dialect = self.dialect
        if step.after or not self._last_ms:
            self._last_ms = max(now_ms + self.skew_ms, self._last_ms + 1)
        fields: dict[str, object] = {}
        if step.version_name is not None:
            fields["version_name"] = step.version_name
        if dialect.has("names_subject"):
            fields["old_version_name"] = step.old_version_name
        fields["action"] = step.action
        if dialect.has("arrays") and not step.alone:
            fields["timestamp"] = self._last_ms
        if step.metadata:
            fields["metadata"] = _dated(step.metadata, self._last_ms)
        text = msgspec.json.encode(fields)[1:]
        if dialect.platform == "ios":
            text = text.replace(b"/", rb"\/")
        return (self._alone if step.alone else self._in_queue) + text

    def tell(self, step: Step) -> None:
        """Take note of what the step tells of the phone; an old client's events name what runs, whatever they are."""
        labels = self.labels(step)
        if labels.ignored:
            return
        names_subject = self.dialect.has("names_subject") or self.dialect.platform == "react-native"
        of_what_runs = not names_subject or step.action == "set" or step.action.startswith(_OF_WHAT_RUNS)
        self.told.hear(labels.version if of_what_runs else None, step.attempt if names_subject else None)

    def labels(self, step: Step) -> Labels:
        """What the step counts as."""
        named = None if step.names_id else step.version_name
        return Labels(
            self.app_id,
            step.action,
            self.dialect.platform,
            version_label(named, self.native),
            self.is_test,
            step.action == "download_fail" and self.dialect.ignored_download_fail,
        )

    def counters(self, step: Step) -> Iterator[tuple[Counter, int]]:
        """What the step adds to counters of visits and durations."""
        return counters(step.action, step.metadata, self.reports, self.is_test)


def _dated(metadata: Mapping[str, str], now_ms: int) -> Mapping[str, str]:
    """The metadata with the moment when what took so long began."""
    if not metadata.get("duration_ms", "").isdecimal():
        return metadata
    started = "launch_started_at" if "source" in metadata else "page_started_at"
    return {**metadata, started: str(now_ms - int(metadata["duration_ms"]))}


def _reports(dialect: Dialect, release: str) -> Reports:
    """Android remembers since its version 11 why a process ended."""
    if dialect.platform not in ("android", "ios") or not dialect.has("metadata"):
        return "nothing"
    return "errors" if dialect.platform == "android" and int(release) < 11 else "crashes"


def _open_object(fields: dict[str, object]) -> bytes:
    return msgspec.json.encode(fields)[:-1] + b","


def some_id(chance: random.Random) -> str:
    """A UUID in lower case."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _system(platform: Platform, chance: random.Random) -> System:
    return chance.choice(("android", "ios")) if platform == "react-native" else platform


def _device_id(phone: Phone, uuid4: str) -> str:
    if phone.system == "ios" and not phone.dialect.has("lower_case_id"):
        return uuid4.upper()
    # Android's own id of a device, 16 hexadecimal digits.
    return uuid4.replace("-", "")[:16] if phone.dialect.platform == "react-native" else uuid4


def _identity(phone: Phone, uuid4: str, release: str, emulator: bool) -> dict[str, object]:
    dialect = phone.dialect
    mobile = phone.system != "electron"
    fields: dict[str, object] = {
        "platform": phone.system,
        "device_id": _device_id(phone, uuid4),
        "app_id": phone.app_id,
        "version_build": phone.native,
        "version_code": phone.native.replace(".", "") if mobile else phone.native,
        "version_os": release,
        "plugin_version": dialect.plugin_version,
    }
    if dialect.has("custom_id"):
        fields["custom_id"] = ""
    if dialect.has("device_flags"):
        fields |= {"is_emulator": emulator, "is_prod": not phone.is_test}
    if dialect.platform == "react-native":
        fields["install_source"] = "react-native"
    elif dialect.has("install_source") and not (phone.is_test and phone.system == "ios"):
        store = {"android": "google_play", "ios": "app_store"}[phone.system]
        fields["install_source"] = "" if phone.is_test else store
    if dialect.has("default_channel"):
        fields["defaultChannel"] = "production"
    if dialect.has("key_id"):
        fields["key_id"] = _PUBLIC_KEY if dialect.has("long_key_id") else _PUBLIC_KEY[:4]
    return fields


def _headers(phone: Phone, release: str) -> bytes:
    content_type = _CONTENT_TYPES[phone.system]
    return f"Content-Type: {content_type}\r\nUser-Agent: {_agent(phone, release)}\r\n".encode("latin-1")


def _agent(phone: Phone, release: str) -> str:
    dialect = phone.dialect
    if dialect.platform == "react-native":
        return f"CapgoRNUpdater/{dialect.plugin_version}"
    agent = f"CapacitorUpdater/{dialect.plugin_version} ({phone.app_id})"
    if dialect.platform == "electron" or dialect.has("user_agent_os"):
        return f"{agent} {phone.system}/{release}"
    return agent if dialect.has("user_agent") else _LIBRARY_AGENTS[phone.system].format(app=phone.app_id, os=release)
