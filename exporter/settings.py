"""Every setting: its name, type, default, and why it is what it is. A flag wins over its environment variable."""

import os
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    CliImplicitFlag,
    CliPositionalArg,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from exporter.addresses import AddressSetting, NetworksSetting
from exporter.eventlog.endpoint import check_endpoint, read_headers
from exporter.logs import Form
from exporter.storage.ledgerfile import Durability
from exporter.values import (
    AppsSetting,
    DirectorySetting,
    DurationSetting,
    FieldsSetting,
    HeadersSetting,
    LinkSetting,
    PathSetting,
    SizeSetting,
    TokensSetting,
    UrlSetting,
)


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


_EXAMPLE: Final = """\
curl -d '{{"app_id":"{app}","action":"set","platform":"android","version_name":"1.0.0","is_emulator":true}}' \\
    'http://{place}{path}'"""

_ANY_TYPE: Final = ConfigDict(arbitrary_types_allowed=True)


class Base(BaseSettings):
    """What the settings of every command have in common."""

    model_config = SettingsConfigDict(
        env_prefix="CAPGO_",
        env_ignore_empty=True,
        arbitrary_types_allowed=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_kebab_case=True,
        cli_show_env_vars=True,
        extra="ignore",
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **more: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A variable of nothing but blanks is an empty one, which means the default."""
        chosen = super().settings_customise_sources(settings_cls, *sources, **more)
        for source in chosen:
            if isinstance(source, EnvSettingsSource):
                source.env_vars = {name: text for name, text in source.env_vars.items() if text and text.strip()}
        return chosen

    @field_validator("*", mode="before")
    @classmethod
    def _is_bare(cls, value: object) -> object:
        """`CAPGO_APPS="com.example.shop"` in a file for Docker: it keeps the quotes, and nothing would ever match.

        It also keeps the end of a line that Windows wrote.
        """
        if not isinstance(value, str):
            return value
        bare = value.strip()
        if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
            raise ValueError("write the value without quotes; Docker's --env-file takes them for a part of it")
        return bare

    def changed(self) -> dict[str, object]:
        """The settings that differ from their defaults, as the log shows them: numbers, and text without secrets."""
        found: dict[str, object] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value != TypeAdapter(field.rebuild_annotation(), config=_ANY_TYPE).validate_python(field.default):
                found[name] = value if isinstance(value, int | float) else str(value)
        return found


_DATA_DIR: Final = (
    "./data",
    "where the ledger is kept, one SQLite file; must outlive the process, for a counter that starts over loses events",
)
_METRICS_LISTEN: Final = (
    "127.0.0.1:10058",
    "private port for /metrics, /healthz, /readyz and a landing page; it has its own threads, so that posts "
    "can't keep a scrape waiting. Only this machine by default; 0.0.0.0:10058 in a container",
)
_LOG_LEVEL: Final = "info", "least severe messages of the log to show"
_LOG_FORMAT: Final = "auto", "auto: console on a terminal, JSON lines elsewhere"
Level = Literal["debug", "info", "warning", "error"]


class Settings(Base):
    """Count what capacitor-updater devices post to statsUrl, for Prometheus."""

    listen: AddressSetting = _setting("0.0.0.0:8080", "public port: takes posts at /stats, and serves nothing else")
    metrics_listen: AddressSetting = _setting(*_METRICS_LISTEN)
    data_dir: DirectorySetting = _setting(*_DATA_DIR)
    durability: Durability = _setting(
        "process",
        "what an acknowledged event survives: 'process' a kill -9, 'power' also a power cut, at the price of a "
        "disk sync "
        "for each commit",
    )
    restored: CliImplicitFlag[bool] = _setting(
        False,
        "the ledger is an older copy: begin every series at 0 again, because a counter that goes back reads as "
        "an increase. It does nothing once that is done, so it may stay on",
    )
    apps: AppsSetting = _setting(
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
    max_devices: int = _setting(
        1_000_000,
        "most devices remembered, each with the version it runs and how far its newest update came: about 130 bytes of "
        "memory and 20 on disk each, by a keyed hash of its id; 0 keeps none",
        ge=0,
        le=100_000_000,
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
    connection_limit: int = _setting(
        2000, "open connections on the public port: phones keep theirs open, and further ones wait", ge=10, le=60_000
    )
    request_timeout: DurationSetting = _setting(
        "10s",
        "an idle connection is closed after so long, and a request refused that brought less than 1 KiB a second in "
        "it; two minutes are the most for one",
        gt=0,
    )
    path_token: TokensSetting = _setting(
        "",
        "a secret that is part of statsUrl: posts must go to /<token>/stats, so that strangers can't post; several, "
        "comma-separated, while you change it",
    )
    trusted_proxy: NetworksSetting = _setting(
        "",
        "comma-separated addresses and networks of the proxies in front, whose X-Forwarded-For to believe; only the "
        "log of refusals shows addresses",
    )
    event_log: PathSetting = _setting(
        "", "write one JSON line for each counted event to this path, or to standard output with '-'"
    )
    event_log_omit: FieldsSetting = _setting(
        "custom_id",
        "comma-separated fields left out of the event log, and of what the log store gets; custom_id may be a name or "
        "an address",
    )
    event_store: UrlSetting = _setting(
        "",
        "push counted events to this log store, an OTLP/HTTP endpoint for logs, used exactly as given: "
        "http://loki:3100/otlp/v1/logs",
    )
    event_store_headers: HeadersSetting = _setting(
        "",
        "headers for the log store, such as Authorization or X-Scope-OrgID, as name=value pairs with commas between "
        "(values percent-encoded). Secrets: give them in the environment, or as @FILE",
    )
    event_store_actions: Literal["failures", "all"] = _setting(
        "failures",
        "what to send: 'failures' are failed outcomes, failures, health and resets, about one event in a hundred; left "
        "out are set, downloads and their progress, the app's life, page timings and unclean restarts",
    )
    grafana_url: LinkSetting = _setting(
        "", "where your Grafana is, such as http://localhost:3000, for the landing page to link its dashboards"
    )
    log_level: Level = _setting(*_LOG_LEVEL)
    log_format: Form = _setting(*_LOG_FORMAT)

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

    @property
    def stats_path(self) -> str:
        """Where devices post to, as people may read it: without a secret."""
        return "/<token>/stats" if self.path_token else "/stats"

    def example(self, port: int) -> str:
        """A command for this machine that posts an event of an app that is taken to the public port, `port`."""
        place = self.listen._replace(port=port).nearby
        app = min(self.apps, default="com.example.app")
        return _EXAMPLE.format(app=app, place=place, path=self.stats_path)

    @model_validator(mode="after")
    def _one_port_each(self) -> "Settings":
        if self.listen == self.metrics_listen and self.listen.port:
            raise ValueError("--listen and --metrics-listen must differ: the public port serves no metrics")
        return self


class LogSettings(Base):
    """How to log, which is known even if something else is wrong."""

    log_level: Level = _setting(*_LOG_LEVEL)
    log_format: Form = _setting(*_LOG_FORMAT)


class CheckSettings(Base):
    """Verify the ledger of a stopped exporter, and print its totals."""

    data_dir: DirectorySetting = _setting(*_DATA_DIR)


class RestoreSettings(Base):
    """Put FILE, a copy of a ledger, in place of the one of a stopped exporter, which is set aside with all that belongs
    to it. Then start with --restored."""

    file: CliPositionalArg[Path] = Field(description="a copy that `backup` made, or what a migration kept")
    data_dir: DirectorySetting = _setting(*_DATA_DIR)


class HealthSettings(Base):
    """Ask the running exporter whether it takes posts: exits with 0 if it does, else with 1."""

    metrics_listen: AddressSetting = _setting("127.0.0.1:10058", "private address of the running exporter")


class BackupSettings(Base):
    """Copy the ledger of a running exporter to FILE, for `capgo-exporter restore`. Only its own user, and root, can."""

    file: CliPositionalArg[Path] = Field(description="the copy; must not exist yet")
    data_dir: DirectorySetting = _setting(*_DATA_DIR)
