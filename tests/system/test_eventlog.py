"""The event log: which devices failed, and why, one JSON line for each counted event."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.bodies import event, events
from tests.support.contract import OK
from tests.support.harness import Exporter, wait_until
from tests.system.conftest import Launch

ROOT = Path(__file__).resolve().parents[2]
DROPPED = "capgo_exporter_event_log_dropped_total"


@pytest.fixture(scope="module")
def logging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter that writes its event log to the file `events.log` of its directory."""
    directory = tmp_path_factory.mktemp("logging")
    with Exporter(directory, event_log=str(directory / "events.log")) as running:
        yield running


def lines_of(path: Path) -> list[dict[str, Any]]:
    """What the log holds, with a look at the form of each line; waits for the end of one that is being written."""
    raw = b""

    def is_whole() -> bool:
        nonlocal raw
        raw = path.read_bytes() if path.exists() else b""
        return raw == b"" or raw.endswith(b"\n")

    wait_until(is_whole, "no line is cut")
    assert raw.isascii()
    return [json.loads(line) for line in raw.splitlines()]


def logged(exporter: Exporter, body: object, count: int) -> list[dict[str, Any]]:
    """The lines that a post adds to the log, once there are `count` and a later event has found its way there, too."""
    path = exporter.directory / "events.log"
    before = len(lines_of(path))
    last = event(device_id="the last one")
    assert exporter.post(body).status in {200, 400}
    assert exporter.post(last).body == OK

    def arrived() -> bool:
        return any(line["event"].get("timestamp") == last["timestamp"] for line in lines_of(path)[before:])

    wait_until(arrived, "a later event is in the log")
    found = lines_of(path)[before:-1]
    assert len(found) == count
    return found


def test_a_line_holds_the_event_its_series_and_its_arrival(logging: Exporter) -> None:
    """All fields the client sent but the omitted one, the labels it was counted under, and the time by our clock."""
    action = "download_manifest_file_fail"
    sent = event(version_name="1.2.5:assets/x.js", action=action, custom_id="jane@example.com", own_field=7)

    (line,) = logged(logging, sent, 1)

    assert set(line) == {"time", "series", "event"}
    assert line["event"] == {name: value for name, value in sent.items() if name != "custom_id"}
    assert line["series"] == {
        "app_id": "com.example.shop",
        "action": action,
        "platform": "android",
        "version": "1.2.5",
        "test": False,
    }
    assert abs(datetime.fromisoformat(line["time"]) - datetime.now(UTC)) < timedelta(seconds=30)
    assert "jane" not in (logging.directory / "events.log").read_text()


def test_each_counted_event_of_an_array_has_a_line(logging: Exporter) -> None:
    """The refused, the ignored and the repeated have none: the log adds up to the counters."""
    good, test_device, repeated = event(action="delete"), event(is_prod=False), event()
    ignored = event(action="download_fail", plugin_version="5.0.0")
    logged(logging, repeated, 1)

    found = logged(logging, ["bad", good, repeated, ignored, test_device, event(app_id="x"), good], 3)

    assert [line["event"] for line in found] == [
        {name: value for name, value in body.items() if name != "custom_id"} for body in (good, test_device, good)
    ]
    assert [line["series"]["test"] for line in found] == [False, True, False]


ODD = {
    "a lone surrogate": b'{"app_id":"com.example.shop","action":"set","device_id":"\\ud800"}',
    "invalid UTF-8": b'{"app_id":"com.example.shop","action":"set","device_id":"\xff"}',
    "a line feed": b'{"app_id":"com.example.shop","action":"set","device_id":"x\\n{\\"time\\":0}"}',
    "a terminal's escape": b'{"app_id":"com.example.shop","action":"set","device_id":"\\u001b[2J"}',
    "a number of 5,000 digits": b'{"app_id":"com.example.shop","action":"set","x":' + b"9" * 5000 + b"}",
    "a number beyond every float": b'{"app_id":"com.example.shop","action":"set","x":1e400}',
    "a letter outside ASCII": '{"app_id":"com.example.shop","action":"set","device_id":"Zoë\u2028"}'.encode(),
}


@pytest.mark.parametrize("oddity", ODD)
def test_no_post_forges_or_breaks_a_line(logging: Exporter, oddity: str) -> None:
    """The line is JSON that every reader takes, in ASCII, and only one."""
    counted = "capgo_exporter_events_counted_total"
    before = logging.scrape().value(counted)
    logging.post(ODD[oddity])
    is_counted = logging.scrape().value(counted) == before + 1

    logged(logging, ODD[oddity], int(is_counted))

    assert all(line["series"]["action"] for line in lines_of(logging.directory / "events.log"))


def test_other_fields_can_be_left_out(launch: Launch, tmp_path: Path) -> None:
    """`--event-log-omit` names them all; the default is then no longer left out."""
    exporter = launch(event_log=str(tmp_path / "events.log"), event_log_omit="device_id,metadata")

    (line,) = logged(exporter, event(metadata={"href": "secret"}, custom_id="jane"), 1)

    assert not {"device_id", "metadata"} & set(line["event"])
    assert line["event"]["custom_id"] == "jane"


def test_the_log_goes_to_standard_output_apart_from_the_services_own(launch: Launch) -> None:
    """`--event-log -`: whoever collects it can tell its lines by their `event`."""
    exporter = launch(event_log="-", log_format="json")
    posted = events(3)
    assert exporter.post(posted).status == 200
    assert exporter.terminate() == 0

    lines = [json.loads(line) for line in exporter.logs().splitlines()]
    found = [line["event"]["timestamp"] for line in lines if "series" in line]
    assert found == [body["timestamp"] for body in posted]
    assert [line for line in lines if isinstance(line["event"], str) and "series" in line] == []


def test_a_rotated_log_is_opened_anew(launch: Launch, tmp_path: Path) -> None:
    """After a SIGHUP, as logrotate sends it, new lines go to a new file, and no event falls between the two."""
    path, rotated = tmp_path / "events.log", tmp_path / "events.log.1"
    exporter = launch(event_log=str(path))
    first, second = events(5), events(7)
    assert exporter.post(first).status == 200
    wait_until(lambda: len(lines_of(path)) == 5, "the first are written")

    path.rename(rotated)
    exporter.signal(signal.SIGHUP)
    wait_until(path.exists, "the file is there again")
    assert exporter.post(second).status == 200
    wait_until(lambda: len(lines_of(path)) == 7, "the others are written")

    assert len(lines_of(rotated)) == 5
    assert exporter.scrape().value(DROPPED) == 0


def test_a_sighup_without_an_event_log_harms_nobody(exporter: Exporter) -> None:
    """By default a process dies of it."""
    exporter.signal(signal.SIGHUP)

    assert exporter.post(event()).body == OK
    assert exporter.running.poll() is None


def test_what_is_counted_before_the_end_is_in_the_log(launch: Launch, tmp_path: Path) -> None:
    """An orderly end writes what waits."""
    exporter = launch(event_log=str(tmp_path / "events.log"))
    for _ in range(10):
        assert exporter.post(events(500)).status == 200

    assert exporter.terminate() == 0

    assert len(lines_of(tmp_path / "events.log")) == 5000


def test_a_reader_that_stalls_costs_lines_and_no_replies(launch: Launch, tmp_path: Path) -> None:
    """The log is a pipe that nobody reads: posts are answered and counted as ever, and the lost lines are counted."""
    pipe = tmp_path / "events.pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        exporter = launch(event_log=str(pipe))
        large = events(1000, metadata={"message": "x" * 3000})
        posted = 0
        while exporter.scrape().value(DROPPED) == 0:
            assert posted < 20_000, "nothing was ever dropped"
            assert exporter.post([body | {"device_id": str(posted)} for body in large]).status == 200
            posted += 1000
        assert exporter.scrape().value("capgo_exporter_events_counted_total") == posted
    finally:
        os.close(reader)


def test_a_full_disk_cuts_no_line_and_swallows_none(launch: Launch, tmp_path: Path) -> None:
    """The log's file takes part of a line and then no more; what comes after the disk is free again is all readable."""
    path = tmp_path / "events.log"
    path.write_text('{"old":true}\n' * 2_000_000)  # so that the ledger, much smaller, may still grow
    exporter = launch(event_log=str(path))
    assert exporter.post(events(3)).status == 200
    wait_until(lambda: path.read_bytes().count(b'"series"') == 3, "the first are written")

    exporter.limit(resource.RLIMIT_FSIZE, path.stat().st_size + 1000)
    for _ in range(5):
        assert exporter.post(events(3)).status == 200
    wait_until(lambda: exporter.scrape().value(DROPPED) > 0, "lines are lost")
    exporter.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    assert exporter.post(events(4)).status == 200
    assert exporter.terminate() == 0

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    written = sum("series" in line for line in lines)
    lost = 3 + 15 + 4 - written
    assert 0 < lost < 15, "some lines fitted"
    assert exporter.logs().count("event_log_back") == 1


@pytest.mark.parametrize("target", ["-", "pipe"])
def test_a_reader_that_does_not_read_does_not_hold_the_end(tmp_path: Path, target: str) -> None:
    """The log's pipe is full when the signal comes: the exit is orderly all the same, and the log tells of the rest."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    exporter = Exporter(tmp_path, event_log=str(tmp_path / "pipe") if target == "pipe" else "-", request_timeout="1s")
    try:
        exporter.spawn(stdout=writer)
        wait_until(exporter.is_ready, "it is ready")
        for _ in range(20):
            assert exporter.post(events(1000)).status == 200

        exporter.signal(signal.SIGTERM)

        assert exporter.wait(30) == 0
        assert "event_log_unfinished" in exporter.logs()
    finally:
        exporter.kill()
        os.close(reader)
        os.close(writer)


def test_a_log_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """The flag and the path are named."""
    exporter = Exporter(tmp_path, event_log=str(tmp_path / "nowhere" / "events.log"))
    exporter.spawn()

    assert exporter.wait() > 0
    assert "event-log" in exporter.logs()
    assert str(tmp_path / "nowhere") in exporter.logs()
    assert "Traceback" not in exporter.logs()


def test_a_device_can_be_erased_as_the_documentation_says(launch: Launch, tmp_path: Path) -> None:
    """Its lines go, however it spelt its id; all others stay, and the exporter writes on."""
    path = tmp_path / "events.log"
    exporter = launch(event_log=str(path))
    device, other = "4f6c0b4e-2f6e-4b47-9a52-0c8f8c2d6e11", "00000000-2f6e-4b47-9a52-0c8f8c2d6e11"
    for device_id in (device, other, device.upper()):
        assert exporter.post(event(device_id=device_id)).body == OK
    wait_until(lambda: len(lines_of(path)) == 3, "all are written")
    path.rename(tmp_path / "events.log.1")
    exporter.signal(signal.SIGHUP)
    command = re.findall(r"`(grep [^`]+)`", (ROOT / "SECURITY.md").read_text())
    assert len(command) == 1

    subprocess.run(["sh", "-c", command[0].replace("<id>", device)], cwd=tmp_path, check=True)

    assert [line["event"]["device_id"] for line in lines_of(tmp_path / "events.log.1")] == [other]
    assert exporter.post(event()).body == OK
    wait_until(lambda: len(lines_of(path)) == 1, "the exporter writes on")
