"""The settings of `capgo-exporter simulate`, each with its reason."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from exporter.settings import Base
from exporter.simulator.ailments import FAULTS, Ailments, Fault
from exporter.simulator.dialects import PLATFORMS, Platform
from exporter.simulator.rollout import FAILURES, STAGES, Rollout
from exporter.values import DurationSetting, Shown
from exporter.wire.labels import is_app_id

_SHARE: Final = r"(0?\.\d+|[01](?:\.0*)?)"
_CHOICE: Final = re.compile(rf"([a-z-]+):(\w+)={_SHARE}")
_FAULT: Final = re.compile(rf"([a-z-]+):(\w+)(?:@([^=,\s]+))?={_SHARE}")
_HEALTHY: Final = ("android", "ios")
"""The platforms whose clients tell of an app's health."""


def _choice(text: str, things: tuple[str, ...], example: str) -> str:
    match = _CHOICE.fullmatch(text)
    if match is None or match[1] not in PLATFORMS or match[2] not in things:
        raise ValueError(
            f"{text!r} is not platform:what=share, such as {example}; platforms: {', '.join(PLATFORMS)}; "
            f"what: {', '.join(things)}; share: 0 to 1"
        )
    return text


def _fail(text: str) -> str:
    return _choice(text, FAILURES, "android:update_fail=0.07")


def _stall(text: str) -> str:
    return _choice(text, STAGES, "android:70=0.06")


def _fault(text: str) -> str:
    match = _FAULT.fullmatch(text)
    if match is None or match[1] not in _HEALTHY or match[2] not in FAULTS:
        raise ValueError(
            f"{text!r} is not platform:what=share or platform:what@version=share, such as ios:white_screen=0.4 or "
            f"android:crash@1.2.3=0.03; platforms: {', '.join(_HEALTHY)}; what: {', '.join(FAULTS)}; share: 0 to 1"
        )
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not an http or https URL, such as http://127.0.0.1:8080/stats")
    return text


def _app(text: str) -> str:
    if not is_app_id(text):
        raise ValueError(f"{text!r} is not an app id, such as com.example.shop")
    return text


def _option(default: Any, why: str, **limits: Any) -> Any:
    return Field(default, description=why, validate_default=True, **limits)


class Options(Base):
    """A fleet of devices that behaves like the real plugin, for demos, load and tests. It takes a new version while
    it is watched, and accounts at the end for every event that it sent."""

    model_config = SettingsConfigDict(env_prefix="CAPGO_SIMULATE_")

    url: Annotated[str, AfterValidator(_url), Shown("URL")] = _option(
        "http://127.0.0.1:8080/stats",
        "the statsUrl, used exactly as given, http or https; never one that real devices post to: its counts can't "
        "be told from theirs",
    )
    devices: int = _option(1000, "phones and desktops of the fleet, about 5 KiB of memory each", ge=1, le=1_000_000)
    rate: float = _option(
        50, "posts a second over the whole fleet, which sets how fast its time runs; 0 is as fast as possible", ge=0
    )
    duration: DurationSetting = _option("60s", "how long to start new work; then what is queued is sent", gt=0)
    seed: int = _option(1, "the same seed makes the same devices live through the same events")
    report: Annotated[Path | None, Shown("FILE")] = _option(
        None, "write here, as JSON, what was sent and what was acknowledged, series by series"
    )
    app: Annotated[list[Annotated[str, AfterValidator(_app)]], Shown("APP,...")] = _option(
        ["com.example.shop"], "app ids, repeated or comma-separated; devices are spread evenly", min_length=1
    )
    native_version: Annotated[str, Shown("VERSION")] = _option(
        "1.2.0", "the version in the store, to which devices without an update fall back"
    )
    from_version: Annotated[str, Shown("VERSION")] = _option("1.2.3", "the version that the fleet runs at first")
    to_version: Annotated[str, Shown("VERSION")] = _option("1.2.4", "the version that is rolled out")
    fail: Annotated[list[Annotated[str, AfterValidator(_fail)]], Shown("PLATFORM:WHAT=SHARE,...")] = _option(
        [],
        "share of the new version's installs that end in a failure, as android:update_fail=0.07; repeated or "
        f"comma-separated; of: {', '.join(FAILURES)}",
    )
    stall: Annotated[list[Annotated[str, AfterValidator(_stall)]], Shown("PLATFORM:WHAT=SHARE,...")] = _option(
        [],
        "share of downloads of the new version that die without a word before they reach a stage, as android:70=0.06; "
        "repeated or comma-separated",
    )
    fault: Annotated[list[Annotated[str, AfterValidator(_fault)]], Shown("PLATFORM:WHAT=SHARE,...")] = _option(
        [],
        "share of the new version's visits that end in a crash or throw script errors, or of its launches that show a "
        "white screen or are slow, as ios:white_screen=0.4, or of another version's, as android:crash@1.2.3=0.03; "
        f"repeated or comma-separated; of: {', '.join(FAULTS)}",
    )
    base_failure: float = _option(
        0.001, "share of installs that end in each of the failures where --fail does not say otherwise", ge=0, le=0.1
    )
    test_share: float = _option(
        0.03, "share of devices that are emulators or run debug builds; they are counted apart", ge=0, le=1
    )
    connections: int = _option(
        64, "open connections at most, shared by the fleet; as many posts are under way at a time", ge=1, le=10_000
    )
    timeout: DurationSetting = _option("20s", "how long a device waits for a reply; the plugin's default", gt=0)
    drain: DurationSetting = _option("30s", "how long at most to send what is still queued at the end")

    @model_validator(mode="after")
    def _two_versions(self) -> "Options":
        if len({self.native_version, self.from_version, self.to_version}) < 3:
            raise ValueError("--native-version, --from-version and --to-version must differ, to be told apart")
        return self

    @cached_property
    def rollout(self) -> Rollout:
        stalls: dict[Platform, dict[str, float]] = {platform: {} for platform in PLATFORMS}
        for (platform, stage), share in _shares(self.stall).items():
            stalls[platform][stage] = share
        return Rollout(
            self.from_version, self.to_version, _shares(self.fail), stalls, self.base_failure, self._ailments()
        )

    def _ailments(self) -> Ailments:
        shares: dict[tuple[Platform, str, Fault], float] = {}
        for text in self.fault:
            platform, what, version, share = cast("re.Match[str]", _FAULT.fullmatch(text)).groups()
            shares[cast(Platform, platform), version or self.to_version, cast(Fault, what)] = float(share)
        return Ailments(shares)


def _shares(choices: list[str]) -> Mapping[tuple[Platform, str], float]:
    parts = (re.split("[:=]", choice) for choice in choices)
    return {(cast(Platform, platform), what): float(share) for platform, what, share in parts}
