"""Each setting has a flag, a variable and a reason; a bad one is refused by its name."""

import json
from pathlib import Path

import pytest

from exporter.addresses import Address
from exporter.cli import main
from exporter.commandline import read
from exporter.faults import MISUSED
from exporter.settings import Settings


def read_all(*flags: str) -> Settings:
    """As the command reads them."""
    return read(Settings, "", flags)


def test_the_defaults_are_the_documented_ones() -> None:
    """Names and numbers that other people's scripts rely on."""
    settings = read_all()

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
    settings = read_all("--zero-hold", "500ms")

    assert sorted(settings.apps) == ["com.acme.notes", "com.acme.shop"]
    assert settings.zero_hold == 0.5


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [
        ("--listen", "8080", "127.0.0.1:8080"),
        ("--listen", "127.0.0.1:http", "127.0.0.1:8080"),
        ("--listen", "127.0.0.1:70000", "127.0.0.1:8080"),
        ("--metrics-listen", "", "127.0.0.1:8080"),
        ("--zero-hold", "5 minutes", "150s"),
        ("--zero-hold", "banana", "150s"),
        ("--version-ttl", "0s", "greater than 0"),
        ("--version-ttl", "-5d", "150s, 10m"),
        ("--request-timeout", "1000000w", "36500d are the most"),
        ("--version-ttl", "9" * 400 + "d", "36500d are the most"),
        ("--request-timeout", "0s", "greater than 0"),
        ("--max-body", "4MB", "4MiB"),
        ("--max-body", "0", "greater than or equal to 1"),
        ("--max-apps", "none", "integer"),
        ("--max-versions", "-1", "greater than"),
        ("--log-level", "loud", "'debug'"),
        ("--durability", "much", "'process' or 'power'"),
        ("--event-store", "loki:3100", "http://loki:3100/otlp/v1/logs"),
        ("--event-store-headers", "@/nowhere", "No such file"),
        ("--event-store-actions", "some", "'failures' or 'all'"),
        ("--data-dir", "", "write . if"),
        ("--apps", "com.example.shop,shop", "'shop' is not an app id, such as com.example.app"),
        ("--apps", "com.example.shop com.example.notes", "commas"),
        ("--apps", ",", "nothing between the commas"),
        ("--event-log-omit", '["custom_id"]', "such as custom_id"),
        ("--trusted-proxy", "caddy", "127.0.0.1 or 10.0.0.0/8"),
        ("--trusted-proxy", "127.0.0.1,10.0.0.0/33", "'10.0.0.0/33'"),
        ("--trusted-proxy", "0.0.0.0", "0.0.0.0/0 would believe everybody"),  # noqa: S104 - whom, not where
        ("--trusted-proxy", "10.0.0.1,::", "::/0 would believe everybody"),
        ("--grafana-url", "localhost:3000", "http://localhost:3000"),
        ("--grafana-url", "javascript://x/%0aalert(1)", "http://localhost:3000"),
        ("--grafana-url", "https://me:secret@grafana.example.com", "without a password"),
        ("--path-token", "a/b", "letters, digits"),
        ("--path-token", "..", "letters, digits"),
        ("--path-token", "good,b d", "letters, digits"),
        ("--path-token", "x" * 129, "at most 128"),
    ],
)
def test_a_bad_setting_is_refused_with_what_would_be_right(
    flag: str,
    value: str,
    hint: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its flag, in one line, before anything is touched; in the form that the log has here."""
    monkeypatch.chdir(tmp_path)  # where a ledger would be made

    assert main([f"{flag}={value}"]) == MISUSED
    assert list(tmp_path.iterdir()) == []

    (said,) = capfd.readouterr().err.splitlines()
    line = json.loads(said)
    assert line["event"] == "bad_setting"
    assert line["error"].startswith(f"{flag}: ")
    assert hint in line["error"]


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("name", Settings.model_fields)
def test_quotes_that_docker_keeps_are_refused(
    name: str, quote: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`CAPGO_APPS="com.example.shop"` in an env file would refuse every event inside a 200, and a token is not told."""
    secret = f"{quote}com.example.shop{quote}"
    monkeypatch.setenv(f"CAPGO_{name.upper()}", secret)

    assert main([]) == MISUSED

    said = capfd.readouterr().err
    assert f"--{name.replace('_', '-')}: write the value without quotes" in said
    assert "com.example.shop" not in said


@pytest.mark.parametrize("around", ["{}\r", " {} ", "\t{}\n"])
def test_blanks_around_a_value_are_no_part_of_it(around: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file for Docker has them that was written on Windows, or by hand."""
    for name, value in {"APPS": "com.acme.notes", "DATA_DIR": "/data", "ZERO_HOLD": "1m", "LISTEN": "[::]:80"}.items():
        monkeypatch.setenv(f"CAPGO_{name}", around.format(value))

    assert read_all().changed() == {"apps": "com.acme.notes", "data_dir": "/data", "zero_hold": 60, "listen": "[::]:80"}


@pytest.mark.parametrize("empty", ["", " ", "\r", "\t\n"])
def test_an_empty_variable_means_the_default(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose hands over what is not set as an empty text, a file from Windows the end of its line; for every setting
    there is.
    """
    for name in Settings.model_fields:
        monkeypatch.setenv(f"CAPGO_{name.upper()}", empty)

    assert read_all().changed() == {}


def test_an_empty_flag_is_no_default() -> None:
    """To omit nothing has to be said somehow."""
    assert list(read_all("--event-log-omit", "").event_log_omit) == []


def test_what_differs_from_the_defaults_is_what_the_log_shows() -> None:
    """Numbers as numbers, and no secret."""
    flags = ["--max-apps=7", "--zero-hold=1m", "--max-body=1MiB", "--path-token=hidden", "--listen=0.0.0.0:8080"]

    assert read_all(*flags, "--apps=com.b.c,com.a.b", "--data-dir=./data", "--restored").changed() == {
        "restored": True,
        "apps": "com.a.b,com.b.c",
        "max_apps": 7,
        "zero_hold": 60.0,
        "max_body": 2**20,
        "path_token": "********",
    }


@pytest.mark.parametrize(("token", "path"), [("", "/stats"), ("s3cret", "/<token>/stats"), ("a,b", "/<token>/stats")])
def test_the_path_that_people_read_holds_no_secret(token: str, path: str) -> None:
    """It is printed, shown and logged."""
    settings = read_all("--path-token", token)

    assert settings.stats_path == path
    assert "s3cret" not in repr(settings) + str(settings.changed())


@pytest.mark.parametrize("written", ["--event-store-headers={}", "--event-store-headers {}"])
def test_a_secret_on_the_command_line_is_refused(written: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Everybody on the machine can read it there; the refusal does not repeat it."""
    assert main(written.format("Authorization=hidden").split()) == MISUSED

    said = capfd.readouterr().err
    assert "--event-store-headers: " in said
    assert "CAPGO_EVENT_STORE_HEADERS" in said
    assert "hidden" not in said


def test_secrets_come_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And are shown as stars."""
    secrets = tmp_path / "headers"
    secrets.write_text("Authorization=hidden\n")
    for given in ("Authorization=hidden", f"@{secrets}"):
        monkeypatch.setenv("CAPGO_EVENT_STORE_HEADERS", given)
        settings = read_all()

        assert settings.event_store_headers.get_secret_value() == "Authorization=hidden"
        assert "hidden" not in str(settings.event_store_headers)


@pytest.mark.parametrize("content", [b"Authorization", b"\xff\xfe", b"a=hidden\nb=c"])
def test_a_file_of_something_else_is_refused_without_being_shown(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the flag's name; a file with several lines as well, as no header has them."""
    (tmp_path / "headers").write_bytes(content)

    assert main(["--event-store-headers", f"@{tmp_path / 'headers'}"]) == MISUSED
    assert "hidden" not in capfd.readouterr().err
