"""`check` looks at a stopped ledger, `backup` copies a running one, and `--restored` opens the copy honestly."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import chdir, suppress
from pathlib import Path

import pytest

from tests.support.bodies import event, events
from tests.support.harness import Exporter, Scrape, wait_until
from tests.system.conftest import Launch
from tests.system.ledgers import backup, command, content, post_something
from tests.system.test_lifecycle import outcome

LAST_BACKUP = "capgo_exporter_last_backup_timestamp_seconds"


def test_check_prints_the_totals_of_a_stopped_ledger(launch: Launch) -> None:
    """And leaves it as it was."""
    exporter = launch()
    post_something(exporter)
    total = int(exporter.scrape().value("capgo_exporter_ledger_events", state="shown"))
    assert exporter.terminate() == 0
    before = content(exporter.data)

    done = command("check", "--data-dir", str(exporter.data))

    assert done.returncode == 0, done.stderr
    assert str(total) in done.stdout.replace(",", "")
    assert content(exporter.data) == before


def test_check_may_be_read_in_part(launch: Launch) -> None:
    """`capgo-exporter check | head -1`: here by one that reads nothing."""
    exporter = launch()
    post_something(exporter)
    exporter.terminate()
    argv = [sys.executable, "-m", "exporter", "--data-dir", str(exporter.data), "check"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_check_refuses_a_running_ledger(launch: Launch) -> None:
    """And a directory without one, in which it makes none."""
    exporter = launch()
    assert command("check", "--data-dir", str(exporter.data)).returncode > 0
    assert exporter.post(event()).status == 200

    nowhere = exporter.directory / "nowhere"
    assert command("check", "--data-dir", str(nowhere)).returncode > 0
    assert not nowhere.exists()


@pytest.fixture
def running(launch: Launch) -> Exporter:
    """One in which something was counted."""
    exporter = launch()
    post_something(exporter)
    return exporter


def restored(copy: Path, *flags: str, **settings: str) -> Exporter:
    """An exporter, not started yet, in whose new data directory `copy` was put by `restore`."""
    directory = copy.parent / "elsewhere"
    again = Exporter(directory, **settings)
    again.argv += flags
    done = command("restore", str(copy), "--data-dir", str(again.data))
    assert done.returncode == 0, done.stderr
    assert str(copy) in done.stdout
    return again


def test_backup_copies_a_running_ledger(running: Exporter, tmp_path: Path) -> None:
    """The copy is sound and holds what was counted when it was taken; the running one counts on."""
    counted, copy = running.scrape().total("capgo_exporter_ledger_events"), tmp_path / "copy" / "ledger.db"
    copy.parent.mkdir()

    backup(running, copy)
    assert running.post(events(10, version_name="1.0.0")).status == 200

    checked = command("check", "--data-dir", str(copy.parent))
    assert checked.returncode == 0, checked.stderr
    assert f"events counted: {counted:.0f} " in checked.stdout


def test_a_copy_is_for_its_owner_alone(running: Exporter, tmp_path: Path) -> None:
    """It holds the key of the fingerprints; so does the socket that hands it out, which is on no port."""
    backup(running, tmp_path / "copy.db")

    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((running.data / "backup.sock").stat().st_mode) == 0o600
    assert [running.private(path).status for path in ("/backup", "/backup/")] == [404, 404]


def test_a_backup_is_not_taken_for_the_ledger_itself(running: Exporter, tmp_path: Path) -> None:
    """Opened as it is, an older copy would read as an increase of all it holds."""
    backup(running, tmp_path / "copy.db")

    code, said = outcome(restored(tmp_path / "copy.db"))

    assert code > 0
    assert "--restored" in said


def test_a_restored_copy_starts_every_series_at_0(running: Exporter, tmp_path: Path) -> None:
    """An older value would be read as a reset, and the whole count as new: 100, then 98, reads as +98.

    The flag may stay on: what is counted after the first start stays counted.
    """
    backup(running, tmp_path / "copy.db")
    retry = events(3, version_name="1.0.0")

    with restored(tmp_path / "copy.db", "--restored", zero_hold="1s") as again:
        first: Scrape = again.scrape()
        assert set(first.series("capgo_events_total").values()) <= {0.0}
        assert again.post(retry).status == 200
        again.kill()
        again.restart(zero_hold="0s")
        assert again.scrape().total("capgo_events_total") == 3
        again.terminate()
        again.restart()
        assert again.scrape().total("capgo_events_total") == 3
        assert again.logs().count("restored_ignored") == 2


def test_a_running_ledger_is_not_replaced(running: Exporter, tmp_path: Path) -> None:
    """It would go on counting into a file that nobody reads."""
    backup(running, tmp_path / "copy.db")
    before = content(running.data)

    done = command("restore", str(tmp_path / "copy.db"), "--data-dir", str(running.data))

    assert done.returncode == 1
    assert "ledger_in_use" in done.stderr
    assert content(running.data) == before


def test_a_backup_never_overwrites(running: Exporter, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "precious").write_text("mine")

    assert command("backup", str(tmp_path / "precious"), "--data-dir", str(running.data)).returncode > 0
    assert (tmp_path / "precious").read_text() == "mine"


def test_when_a_copy_was_made_is_known(running: Exporter, tmp_path: Path) -> None:
    """Over a restart, too: an alert asks for it."""
    assert running.scrape().value(LAST_BACKUP) == 0
    before = time.time()
    backup(running, tmp_path / "copy.db")
    made = running.scrape().value(LAST_BACKUP)
    running.kill()
    running.restart()

    assert before <= made == running.scrape().value(LAST_BACKUP)


def test_a_backup_works_whatever_the_directory_is_called(tmp_path: Path) -> None:
    """A socket's address holds 107 bytes; and one that was left by a crash is no hindrance."""
    with Exporter(tmp_path, data_dir=str(tmp_path / ("d" * 120) / ("e" * 120))) as exporter:
        exporter.data = tmp_path / ("d" * 120) / ("e" * 120)
        exporter.kill()
        assert (exporter.data / "backup.sock").exists()
        exporter.restart()
        backup(exporter, tmp_path / "copy.db")
        exporter.terminate()
        assert not (exporter.data / "backup.sock").exists()


def assert_no_copy(done: subprocess.CompletedProcess[str], directory: Path) -> None:
    """One line, and no file, whole or in part."""
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("capgo-exporter: failed: no copy was made: ")
    assert list(directory.iterdir()) == []


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An empty directory for copies."""
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies"


def test_without_an_exporter_there_is_no_copy(tmp_path: Path, target: Path) -> None:
    """The directory is named, which may be the wrong one."""
    done = command("backup", str(target / "copy.db"), "--data-dir", str(tmp_path))

    assert_no_copy(done, target)
    assert f"is an exporter running on {tmp_path}" in done.stderr


def test_a_copy_that_finds_no_room_leaves_nothing(running: Exporter, target: Path) -> None:
    """Where it is to be written, that is; and it counts as no backup."""
    argv = [sys.executable, "-m", "exporter", "backup", str(target / "copy.db"), "--data-dir", str(running.data)]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 8 && exec "$@"', "-", *argv], capture_output=True, text=True, timeout=120, check=False
    )

    assert_no_copy(done, target)
    assert "File too large" in done.stderr
    assert running.scrape().value(LAST_BACKUP) == 0


class Cut(threading.Thread):
    """An exporter, as its socket shows it, that says `answer` and then hangs up, or stays silent."""

    def __init__(self, directory: Path, answer: bytes, *, hang_up: bool = True) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_UNIX)
        with chdir(directory):  # a path that is short enough
            self._socket.bind("backup.sock")
        self._socket.listen()
        self._answer = answer
        self._hang_up = hang_up
        self.asked = threading.Event()
        self.start()

    def run(self) -> None:
        with self._socket:
            connection, _ = self._socket.accept()
            # Whoever is stopped may leave bytes unread: then its end is a reset.
            with connection, suppress(ConnectionResetError, BrokenPipeError):
                connection.recv(10_000)
                connection.sendall(self._answer)
                self.asked.set()
                while not self._hang_up and connection.recv(10_000):
                    pass


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"


@pytest.mark.parametrize(
    "answer", [b"", HEAD[:20], HEAD, HEAD + b"SQLite format 3\0" + b"x" * 500_000, b"nonsense\r\n\r\n"]
)
def test_a_connection_cut_short_leaves_no_file(tmp_path: Path, target: Path, answer: bytes) -> None:
    """An exporter that is stopped in the middle, for one; half a copy might be taken for a whole."""
    Cut(tmp_path, answer)

    done = command("backup", str(target / "copy.db"), "--data-dir", str(tmp_path))

    assert_no_copy(done, target)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_is_stopped_leaves_no_file(tmp_path: Path, target: Path, number: signal.Signals) -> None:
    """By a timer's time limit, or by hand."""
    exporter = Cut(tmp_path, HEAD + b"x" * 5_000_000, hang_up=False)  # more than waits in a buffer
    argv = [sys.executable, "-m", "exporter", "backup", str(target / "copy.db"), "--data-dir", str(tmp_path)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert exporter.asked.wait(60)
        wait_until(lambda: any(path.stat().st_size for path in target.iterdir()), "a part has come")
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    assert process.returncode > 0
    assert "Traceback" not in said
    assert list(target.iterdir()) == []
