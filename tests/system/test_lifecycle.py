"""Start and end: settings, signals, one process a data directory."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.bodies import event, events
from tests.support.contract import OK
from tests.support.harness import Exporter, request, wait_until
from tests.system.conftest import Launch
from tests.system.test_metrics import assert_sums_hold
from tests.system.wire import Wire, post

FLAGS = [
    "listen",
    "metrics-listen",
    "data-dir",
    "durability",
    "restored",
    "apps",
    "max-apps",
    "max-versions",
    "max-series",
    "version-ttl",
    "zero-hold",
    "dedup-window",
    "dedup-memory",
    "max-body",
    "max-batch",
    "connection-limit",
    "request-timeout",
    "path-token",
    "trusted-proxy",
    "event-log",
    "event-log-omit",
    "log-level",
    "log-format",
]
SEGMENT = "hidden-segment"
COUNTED = "capgo_exporter_events_counted_total"


def outcome(exporter: Exporter) -> tuple[int, str]:
    """Exit code and output of an exporter that ends by itself."""
    exporter.spawn()
    try:
        return exporter.wait(), exporter.logs()
    finally:
        exporter.kill()


def test_help_explains_every_setting() -> None:
    """Each flag is there."""
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "--help"], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0
    assert [flag for flag in FLAGS if f"--{flag}" not in done.stdout] == []


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("listen", "nonsense"),
        ("data-dir", ""),
        ("no-such-flag", "1"),
    ],
)
def test_a_bad_setting_is_refused_by_its_flag(tmp_path: Path, flag: str, value: str) -> None:
    """The process ends at once, names the wrong flag, not in a traceback, and leaves no ledger behind.

    What is wrong for each setting, the unit tests say.
    """
    exporter = Exporter(tmp_path, **{flag.replace("-", "_"): value})

    code, said = outcome(exporter)

    assert code not in {0, -signal.SIGSEGV}
    assert f"--{flag}" in said
    assert "Traceback" not in said
    assert not exporter.data.exists()


def test_a_bad_variable_is_refused_by_its_flag_too(tmp_path: Path) -> None:
    """The environment sets what the flags set."""
    exporter = Exporter(tmp_path)
    exporter.environment["CAPGO_MAX_APPS"] = "many"

    code, said = outcome(exporter)

    assert code != 0
    assert "max-apps" in said.lower().replace("_", "-")


def test_a_flag_wins_over_the_environment(tmp_path: Path) -> None:
    """And the environment over the default."""
    exporter = Exporter(tmp_path, max_batch="4")
    exporter.environment |= {"CAPGO_MAX_BATCH": "2", "CAPGO_MAX_BODY": "3000"}
    with exporter:
        assert [exporter.post(events(4)).status, exporter.post(events(5)).status] == [200, 413]
        assert exporter.post(b" " * 3001).status == 413


@pytest.mark.parametrize("flag", ["listen", "metrics_listen"])
def test_a_port_in_use_is_refused_by_its_flag(tmp_path: Path, flag: str) -> None:
    """With a line that names the address and what to do, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        code, said = outcome(Exporter(tmp_path, **{flag: address}))

    assert code != 0
    assert f"{address}: it is in use; choose another with --{flag.replace('_', '-')}" in said
    assert "Traceback" not in said


def test_a_second_process_on_the_same_data_is_refused(exporter: Exporter) -> None:
    """It ends with a message that names the directory; the first one counts on."""
    second = Exporter(exporter.directory / "second", data_dir=str(exporter.data))

    code, said = outcome(second)

    assert code != 0
    assert str(exporter.data) in said
    assert "Traceback" not in said
    assert exporter.post(event()).body == OK
    assert_sums_hold(exporter.scrape())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(launch: Launch, number: signal.Signals) -> None:
    """Soon, though phones keep idle connections open."""
    exporter = launch(request_timeout="1h")
    with Wire(exporter.port) as wire:
        wire.send(post(b"[]"))
        assert wire.reply().status == 200

        exporter.signal(number)

        assert exporter.wait() == 0
        assert wire.has_ended()
    assert "Traceback" not in exporter.logs()


def test_requests_under_way_at_a_sigterm_are_answered(launch: Launch) -> None:
    """Fifty posts of a thousand events have been sent when it comes: all are answered, and the exit is 0.

    A machine that is slow, or stands still, refuses some as overloaded; what was acknowledged is counted.
    """
    exporter = launch()
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(exporter.port)) for _ in range(50)]
        for wire in wires:
            wire.send(post(b"[]"))
            assert wire.reply().status == 200
        for wire in wires:
            wire.send(post(_json(events(1000))))
        wait_until(lambda: exporter.scrape().value(COUNTED) > 0, "the first is counted")

        exporter.signal(signal.SIGTERM)

        statuses = Counter(wire.reply().status for wire in wires)
    assert exporter.wait() == 0
    exporter.restart()
    assert statuses[200] > 0
    assert statuses.keys() <= {200, 503}
    assert exporter.scrape().value("capgo_exporter_ledger_events", state="shown") == 1000 * statuses[200]


def test_a_request_half_sent_at_a_sigterm_may_still_finish(launch: Launch) -> None:
    """What was begun before the signal is waited for, within the request's own timeout; nothing new is accepted."""
    exporter = launch(request_timeout="60s")
    with Wire(exporter.port) as wire:
        whole = post(_json(event()))
        wire.send(whole[:-10])
        exporter.post(event())

        exporter.signal(signal.SIGTERM)
        wait_until(lambda: not _accepts(exporter.port), "no new connection is accepted")
        wire.send(whole[-10:])

        assert wire.reply().body == OK
    assert exporter.wait() == 0


def test_a_half_sent_request_does_not_hold_the_exit_for_ever(launch: Launch) -> None:
    """Its timeout ends it."""
    exporter = launch(request_timeout="1s")
    with Wire(exporter.port) as wire:
        wire.send(post(_json(event()))[:-10])
        exporter.post(event())

        exporter.signal(signal.SIGTERM)

        assert exporter.wait() == 0


def test_the_start_says_where_it_listens_and_what_is_set(launch: Launch) -> None:
    """All settings are in the log once, a secret one not."""
    said = launch(path_token=SEGMENT, max_versions="77").logs()

    assert "77" in said
    assert SEGMENT not in said


def _json(body: object) -> bytes:
    return json.dumps(body).encode()


def _accepts(port: int) -> bool:
    try:
        request(port, "GET", "/stats")
    except OSError:
        return False
    return True
