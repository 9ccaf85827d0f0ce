"""Each setting has a flag, a variable and a reason; a bad one is refused by its name."""

from pathlib import Path

import pytest

from exporter.cli import MISUSED, main
from exporter.settings import Address, Settings


def test_the_defaults_are_the_documented_ones() -> None:
    """Names and numbers that other people's scripts rely on."""
    settings = Settings(_cli_parse_args=[])  # type: ignore[call-arg]  # pydantic-settings' own argument

    assert (settings.listen, settings.metrics_listen) == (Address("0.0.0.0", 8080), Address("127.0.0.1", 10058))  # noqa: S104
    assert [settings.version_ttl, settings.zero_hold, settings.dedup_window] == [30 * 86400.0, 150.0, 7 * 86400.0]
    assert [int(settings.max_body), settings.max_batch, float(settings.request_timeout)] == [4 * 2**20, 1000, 10.0]
    assert list(settings.event_log_omit) == ["custom_id"]


def test_every_setting_says_why() -> None:
    """The help is the only text that everybody reads."""
    assert [name for name, field in Settings.model_fields.items() if len(field.description or "") < 30] == []


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the environment over the default."""
    monkeypatch.setenv("CAPGO_APPS", "com.acme.notes, com.acme.shop")
    monkeypatch.setenv("CAPGO_ZERO_HOLD", "1m")
    settings = Settings(_cli_parse_args=["--zero-hold", "500ms"])  # type: ignore[call-arg]

    assert sorted(settings.apps) == ["com.acme.notes", "com.acme.shop"]
    assert settings.zero_hold == 0.5


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [
        ("--listen", "8080", "127.0.0.1:8080"),
        ("--listen", "127.0.0.1:http", "127.0.0.1:8080"),
        ("--zero-hold", "5 minutes", "150s"),
        ("--version-ttl", "0s", "greater than 0"),
        ("--max-body", "4MB", "4MiB"),
        ("--threads", "none", "integer"),
        ("--durability", "much", "'process' or 'power'"),
        ("--event-store", "loki:3100", "http://loki:3100/otlp/v1/logs"),
        ("--event-store-headers", "@/nowhere", "No such file"),
        ("--event-store-actions", "some", "'failures' or 'all'"),
    ],
)
def test_a_bad_setting_is_refused_with_what_would_be_right(
    flag: str, value: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its flag, in one line, before anything is touched."""
    assert main([flag, value]) == MISUSED

    said = capsys.readouterr().err
    assert said.startswith(f"capgo-exporter: {flag}: ")
    assert hint in said


@pytest.mark.parametrize("written", ["--event-store-headers={}", "--event-store-headers {}"])
def test_a_secret_on_the_command_line_is_refused(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody on the machine can read it there; the refusal does not repeat it."""
    assert main(written.format("Authorization=hidden").split()) == MISUSED

    said = capsys.readouterr().err
    assert said.startswith("capgo-exporter: --event-store-headers: ")
    assert "CAPGO_EVENT_STORE_HEADERS" in said
    assert "hidden" not in said


def test_secrets_come_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And are shown as stars."""
    secrets = tmp_path / "headers"
    secrets.write_text("Authorization=hidden\n")
    for given in ("Authorization=hidden", f"@{secrets}"):
        monkeypatch.setenv("CAPGO_EVENT_STORE_HEADERS", given)
        settings = Settings(_cli_parse_args=[])  # type: ignore[call-arg]

        assert settings.event_store_headers.get_secret_value() == "Authorization=hidden"
        assert "hidden" not in str(settings.event_store_headers)


@pytest.mark.parametrize("content", [b"Authorization", b"\xff\xfe", b"a=hidden\nb=c"])
def test_a_file_of_something_else_is_refused_without_being_shown(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the flag's name; a file with several lines as well, as no header has them."""
    (tmp_path / "headers").write_bytes(content)

    assert main(["--event-store-headers", f"@{tmp_path / 'headers'}"]) == MISUSED
    assert "hidden" not in capsys.readouterr().err
