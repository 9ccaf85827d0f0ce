"""Every setting: its name, type, default, and why it is what it is. A flag wins over its environment variable."""

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, CliImplicitFlag, CliPositionalArg, NoDecode, SettingsConfigDict

from exporter.eventlog.endpoint import check_endpoint, read_headers
from exporter.storage.ledgerfile import Durability

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES: Final = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Duration(float):
    """Seconds, written with a unit: `150s`, `7d`."""


class Size(int):
    """Bytes, written with a unit: `4MiB`."""


class Address(NamedTuple):
    """Where to listen, written `host:port`; the host of an IPv6 address in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Names(frozenset[str]):
    """A comma-separated list."""

    def __str__(self) -> str:
        return ",".join(sorted(self))


def _duration(value: object) -> Duration:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", str(value)) or re.fullmatch(r"(0)()", str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit: 500ms, 150s, 10m, 12h, 30d")
    return Duration(float(match[1]) * _UNITS.get(match[2], 1))


def _size(value: object) -> Size:
    match = re.fullmatch(r"(\d+)\s?(B|KiB|MiB|GiB)?", str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a size; write a number of bytes, or one with a unit: 512KiB, 4MiB")
    return Size(int(match[1]) * _SIZES[match[2] or ""])


def _address(value: object) -> Address:
    host, _, port = str(value).rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{value!r} is not host:port; for example 127.0.0.1:8080, or 0.0.0.0:8080 for all addresses")
    return Address(host.strip("[]"), int(port))


def _names(value: object) -> Names:
    return Names(filter(None, (name.strip() for name in str(value).split(","))))


DurationSetting = Annotated[Duration, BeforeValidator(_duration)]
SizeSetting = Annotated[Size, BeforeValidator(_size)]
AddressSetting = Annotated[Address, NoDecode, BeforeValidator(_address)]
NamesSetting = Annotated[Names, NoDecode, BeforeValidator(_names)]


def _content(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no plain text"
        raise ValueError(f"{file} can't be read: {why}") from None


def _in_environment(name: str, text: str) -> bool:
    return any(value == text for variable, value in os.environ.items() if variable.upper() == name)


def _setting(default: object, why: str, **limits: Any) -> Any:
    return Field(default, description=why, validate_default=True, **limits)


class _Base(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="CAPGO_",
        arbitrary_types_allowed=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_kebab_case=True,
        cli_prog_name="capgo-exporter",
        cli_show_env_vars=True,
        extra="ignore",
    )


_DATA_DIR: Final = (
    "./data",
    "where the ledger is kept, one SQLite file; must outlive the process, for a counter that starts over loses events",
)
_METRICS_LISTEN: Final = (
    "127.0.0.1:10058",
    "private port for /metrics, /healthz, /readyz and a landing page; it has its own threads, so that posts "
    "can't keep a "
    "scrape waiting. Only this machine by default; 0.0.0.0:10058 in a container",
)


class Settings(_Base):
    """Count what capacitor-updater devices post to statsUrl, for Prometheus.

    Commands: serve (the default), check, backup, simulate; each explains itself with --help.
    """

    listen: AddressSetting = _setting("0.0.0.0:8080", "public port: takes posts at /stats, and serves nothing else")
    metrics_listen: AddressSetting = _setting(*_METRICS_LISTEN)
    data_dir: Path = _setting(*_DATA_DIR)
    durability: Durability = _setting(
        "process",
        "what an acknowledged event survives: 'process' a kill -9, 'power' also a power cut, at the price of a "
        "disk sync "
        "for each commit",
    )
    restored: CliImplicitFlag[bool] = _setting(
        False,
        "the ledger is an older copy: begin every series at 0 again, because a counter that goes back reads as "
        "an increase. "
        "For one start, after putting a backup in place",
    )
    apps: NamesSetting = _setting(
        "", "comma-separated app ids to take events of, each with series of its own; empty takes any app"
    )
    max_apps: int = _setting(20, "most apps with series of their own, where --apps names none", ge=1, le=100_000)
    max_versions: int = _setting(
        100, "most versions of an app with series of their own; further ones count under __overflow__", ge=1, le=100_000
    )
    max_series: int = _setting(
        100_000,
        "most event series: a scrape of as many takes about 10 MB, and Prometheus keeps each for as long as its data; "
        "a sample_limit in the scrape configuration must be above it",
        ge=5000,
        le=10_000_000,
    )
    version_ttl: DurationSetting = _setting(
        "30d", "a version without events for so long leaves /metrics, so that old bundles don't fill Prometheus", gt=0
    )
    zero_hold: DurationSetting = _setting(
        "150s",
        "how long a new series is held at 0 (a returning one at its last value) before it moves, so that "
        "Prometheus misses "
        "no first event; must exceed twice the longest scrape interval. 0s shows true values at once",
    )
    dedup_window: DurationSetting = _setting(
        "7d", "how long the retry of an event is recognised: apps resend after days"
    )
    dedup_memory: int = _setting(
        1_000_000,
        "fingerprints of events kept in memory, about 80 bytes each; older ones are looked up on disk",
        ge=1,
        le=100_000_000,
    )
    max_body: SizeSetting = _setting(
        "4MiB", "largest post: a device sends up to 200 events after an outage, about 800 KiB with metadata", ge=1
    )
    max_batch: int = _setting(1000, "most events in one post; plugins send at most 200", ge=1, le=100_000)
    threads: int = _setting(
        8, "threads that answer posts; they share one core, and wait together for one commit", ge=1, le=256
    )
    connection_limit: int = _setting(
        2000, "open connections on the public port: phones keep theirs open, and further ones wait", ge=10, le=60_000
    )
    request_timeout: DurationSetting = _setting(
        "10s", "an unfinished request is refused, and an idle connection closed, after so long", gt=0
    )
    path_token: SecretStr = _setting(
        "",
        "a secret that is part of statsUrl: posts must go to /<token>/stats, so that strangers can't post",
        max_length=128,
    )
    trusted_proxy: str = _setting(
        "", "address of the proxy in front, whose X-Forwarded-For to believe; only the log of refusals shows addresses"
    )
    event_log: str = _setting(
        "", "write one JSON line for each counted event to this path, or to standard output with '-'"
    )
    event_log_omit: NamesSetting = _setting(
        "custom_id",
        "comma-separated fields left out of the event log, and of what the log store gets; custom_id may be a name or "
        "an address",
    )
    event_store: str = _setting(
        "",
        "push counted events to this log store, an OTLP/HTTP endpoint for logs, used exactly as given: "
        "http://loki:3100/otlp/v1/logs",
    )
    event_store_headers: SecretStr = _setting(
        "",
        "headers for the log store, such as Authorization or X-Scope-OrgID, as name=value pairs with commas between "
        "(values percent-encoded). Secrets: give them in the environment, or as @FILE",
    )
    event_store_actions: Literal["failures", "all"] = _setting(
        "failures",
        "what to send: 'failures' are failed outcomes, failures, health and resets, about one event in a hundred; left "
        "out are set, downloads and their progress, the app's life, page timings and unclean restarts",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "least severe messages of the log to show"
    )
    log_format: Literal["auto", "console", "json"] = _setting(
        "auto", "auto: console on a terminal, JSON lines elsewhere"
    )

    @field_validator("path_token")
    @classmethod
    def _fits_into_a_path(cls, token: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[A-Za-z0-9._~-]*", token.get_secret_value()):
            raise ValueError("must be made of letters, digits and . _ ~ - only, as it becomes part of an address")
        return token

    @field_validator("event_store")
    @classmethod
    def _is_an_endpoint(cls, url: str) -> str:
        if url:
            check_endpoint(url)
        return url

    @field_validator("event_store_headers")
    @classmethod
    def _are_headers(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if text.startswith("@"):
            text = _content(Path(text[1:]))
        elif text and not _in_environment("CAPGO_EVENT_STORE_HEADERS", text):
            raise ValueError(
                "everybody on this machine can read a command line: use CAPGO_EVENT_STORE_HEADERS, or @FILE"
            )
        read_headers(text)
        return SecretStr(text)

    @field_validator("trusted_proxy")
    @classmethod
    def _is_an_address(cls, proxy: str) -> str:
        if proxy:
            try:
                ip_address(proxy)
            except ValueError:
                raise ValueError(f"{proxy!r} is not an IP address, such as 127.0.0.1") from None
        return proxy

    @model_validator(mode="after")
    def _one_port_each(self) -> "Settings":
        if self.listen == self.metrics_listen and self.listen.port:
            raise ValueError("--listen and --metrics-listen must differ: the public port serves no metrics")
        return self


class CheckSettings(_Base):
    """Verify the ledger of a stopped exporter, and print its totals."""

    data_dir: Path = _setting(*_DATA_DIR)


class BackupSettings(_Base):
    """Copy the ledger of a running exporter to FILE. To use it: put it into an empty data directory as ledger.db, and
    start once with --restored."""

    file: CliPositionalArg[Path] = Field(description="the copy; must not exist yet")
    metrics_listen: AddressSetting = _setting("127.0.0.1:10058", "private address of the running exporter")
