"""What the start says, and what it is not troubled by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bodies import event, events
from tests.support.harness import Exporter
from tests.system.conftest import Launch
from tests.system.test_lifecycle import outcome

Line = dict[str, Any]

OPENED = "capgo_exporter_ledger_opened"
SEGMENT = "hidden-segment"
SEGMENTS = ("old", "new")


def log(exporter: Exporter) -> list[Line]:
    """The lines of its log, which is JSON where no person reads it."""
    return [json.loads(line) for line in exporter.logs().splitlines()]


def the(event: str, lines: list[Line]) -> Line:
    """The one line of an event."""
    (line,) = [line for line in lines if line["event"] == event]
    return line


def test_the_first_line_has_the_version_and_what_is_set(launch: Launch) -> None:
    """Only that; numbers as numbers, and of a secret that there is one."""
    exporter = launch(max_versions="77", request_timeout="7s", path_token=SEGMENT, apps="com.acme.notes")

    line = the("starting", log(exporter))

    assert line.pop("version")
    assert {name: line[name] for name in line if name not in ("level", "timestamp", "event")} == {
        "listen": f"127.0.0.1:{exporter.port}",
        "metrics_listen": f"127.0.0.1:{exporter.metrics_port}",
        "data_dir": str(exporter.data),
        "zero_hold": 0.0,
        "max_versions": 77,
        "request_timeout": 7.0,
        "path_token": "********",
        "apps": "com.acme.notes",
    }
    assert SEGMENT not in exporter.logs()


def opened(exporter: Exporter) -> list[tuple[str, int, int]]:
    """How the ledger was opened at each start, with how many events and series."""
    lines = [line for line in log(exporter) if line["event"] == "ledger_opened"]
    assert {line["path"] for line in lines} == {str(exporter.data / "ledger.db")}
    how = {dict(labels)["how"]: value for labels, value in exporter.scrape().series(OPENED).items()}
    assert how == {"created": 0, "migrated": 0, "restored": 0, "found": 0} | {lines[-1]["how"]: 1}
    return [(line["how"], line["events"], line["shown_series"]) for line in lines]


def test_which_ledger_was_opened_is_told(launch: Launch) -> None:
    """A mistyped `--data-dir` begins a new one; here is where one sees it, in the log and in the metrics."""
    exporter = launch()
    assert opened(exporter) == [("created", 0, 0)]
    assert exporter.post(events(7)).status == 200
    counters = map(exporter.scrape().series, ("capgo_events_total", "capgo_device_stages_total"))
    series = sum(map(len, counters))
    exporter.kill()
    exporter.restart()

    assert opened(exporter) == [("created", 0, 0), ("found", 7, series)]


def test_the_hold_is_a_metric(launch: Launch) -> None:
    """In seconds, so that a rule can compare it with the scrape interval."""
    assert launch(zero_hold="2m").scrape().value("capgo_exporter_zero_hold_seconds") == 120


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_the_newest_event_of_an_app_is_known_after_a_restart(end: str, launch: Launch) -> None:
    """Else an app that is silent since then could not be told from one that never was."""
    exporter = launch()
    name = "capgo_exporter_last_event_timestamp_seconds"
    for app in ("com.acme.notes", "com.acme.shop"):
        assert exporter.post(event(app_id=app)).status == 200
    before = exporter.scrape().series(name)
    getattr(exporter, end)()
    exporter.restart()

    assert exporter.scrape().series(name) == before
    assert len(before) == 2


def test_a_misspelt_variable_is_warned_of(tmp_path: Path) -> None:
    """By its name, with the one that was meant."""
    exporter = Exporter(tmp_path)
    exporter.environment |= {"CAPGO_DATADIR": "/elsewhere", "CAPGO_MAX_SERIE": "7000"}
    with exporter:
        line = the("unknown_variables", log(exporter))

    assert sorted(line["variables"]) == [
        "CAPGO_DATADIR is no setting; did you mean CAPGO_DATA_DIR?",
        "CAPGO_MAX_SERIE is no setting; did you mean CAPGO_MAX_SERIES?",
    ]
    assert "/elsewhere" not in exporter.logs()


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_a_variable_of_another_programs_changes_nothing(name: str, tmp_path: Path) -> None:
    """Setups of other servers export it; the metrics' library would write its numbers there, or fail."""
    exporter = Exporter(tmp_path)
    exporter.environment[name] = str(tmp_path / "nowhere")
    with exporter:
        own = {
            key for key in exporter.scrape().samples if key[0].startswith(("capgo_exporter_", "process_", "python_"))
        }
        assert ("capgo_exporter_ready", frozenset[tuple[str, str]]()) in own
        assert {name for name, _ in own} >= {"process_open_fds", "python_info", "capgo_exporter_build_info"}

    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("flag", "value", "event", "says"),
    [
        ("zero_hold", "banana", "bad_setting", "--zero-hold"),
        ("no_such_flag", "1", "usage", "--no-such-flag"),
        ("data_dir", "/proc/nowhere", "data_dir_unusable", "/proc/nowhere"),
        ("event_log", "/proc/nowhere/events", "failed", "--event-log"),
    ],
)
def test_what_ends_it_is_in_the_logs_format(flag: str, value: str, event: str, says: str, tmp_path: Path) -> None:
    """JSON where the log is JSON: whoever collects it sees why."""
    exporter = Exporter(tmp_path, **{flag: value})

    code, _ = outcome(exporter)

    assert code == (2 if event in ("usage", "bad_setting") else 1)
    line = the(event, log(exporter))
    assert line["level"] == "critical"
    assert says in line["error"]


@pytest.mark.parametrize("host", ["example.invalid", "http://127.0.0.1", "x" * 70, "256.0.0.1", "::x"])
@pytest.mark.parametrize("flag", ["listen", "metrics_listen"])
def test_a_host_that_does_not_resolve_is_refused_by_its_flag(flag: str, host: str, tmp_path: Path) -> None:
    """In one line, before there is a ledger."""
    exporter = Exporter(tmp_path, **{flag: f"{host}:8080"})

    code, said = outcome(exporter)

    assert code == 1
    assert "Traceback" not in said
    assert the("failed", log(exporter))["error"].startswith(f"--{flag.replace('_', '-')}: {host!r} is no address")
    assert not exporter.data.exists()


def test_a_person_is_told_what_ends_it_in_plain_words(tmp_path: Path) -> None:
    """With `--log-format console`, or on a terminal."""
    code, said = outcome(Exporter(tmp_path, log_format="console", zero_hold="banana"))

    assert code == 2
    assert said.startswith("capgo-exporter: bad_setting: --zero-hold: 'banana' is not a duration")


def test_the_first_words_name_the_right_path(launch: Launch) -> None:
    """And an app of the allow-list; a token is not told."""
    said = launch(log_format="console", path_token=SEGMENT, apps="com.acme.notes").logs()

    assert "/<token>/stats" in said
    assert '"app_id":"com.acme.notes"' in said
    assert SEGMENT not in said


def test_the_landing_page_and_the_404_name_the_right_path(launch: Launch) -> None:
    """And neither tells the token."""
    exporter = launch(path_token=SEGMENT)
    page, missed = exporter.private("/").body, exporter.post([], path="/stats")

    assert b"/&lt;token&gt;/stats" in page
    assert missed.status == 404
    assert "/<token>/stats" in missed.json["message"]
    assert SEGMENT not in (page + missed.body).decode()
    assert exporter.post([], path=f"/{SEGMENT}/stats").status == 200


def test_two_tokens_are_valid_while_one_is_changed(launch: Launch) -> None:
    """The old apps and the new ones get through, and nobody else."""
    exporter = launch(path_token=",".join(SEGMENTS))

    assert [exporter.post([], path=f"/{token}/stats").status for token in SEGMENTS] == [200, 200]
    assert [exporter.post([], path=f"/{token}/stats").status for token in ("", "ol", "old,new")] == [404, 404, 404]
