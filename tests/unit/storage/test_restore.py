"""A copy takes the ledger's place whole, or not at all, and nothing that was there is lost."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from exporter.counting.changes import Changes, Sighting
from exporter.storage import ledgerfile
from exporter.storage.check import check
from exporter.storage.errors import LedgerError
from exporter.storage.journal import Journal, Opened
from exporter.storage.restore import restore
from exporter.wire.labels import Series, Version
from tests.support.schemas import back_to

VERSION = Version("com.acme.notes", "android", "1.0", False)
SERIES = Series(VERSION, "set")
DAY = 86400.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def said() -> Iterator[list[Any]]:
    """The lines of the log."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def journal(directory: Path, restored: bool = False) -> Journal:
    opened = Journal(directory, "process", 1000, DAY, restored)
    opened.load(lambda _: None)
    return opened


def count(directory: Path, total: int) -> None:
    """A ledger in which so many events are counted, and its log beside it, as a crash leaves it."""
    opened = journal(directory)
    opened.commit(Changes(1.0, totals={SERIES: total}, sightings={VERSION: Sighting(1.0, 1.0)}))
    crashed = directory.with_name("crashed")
    shutil.copytree(directory, crashed)
    opened.close()
    shutil.rmtree(directory)
    crashed.rename(directory)


def counted(directory: Path, restored: bool = False) -> int:
    """The events that a start finds."""
    found: dict[Series, int] = {}
    opened = Journal(directory, "process", 1000, DAY, restored)
    opened.load(lambda changes: found.update(changes.totals))
    opened.close()
    return found.get(SERIES, 0)


def backup(directory: Path, target: Path) -> Path:
    opened = journal(directory)
    opened.backup(target)
    opened.close()
    return target


def refusal(directory: Path, restored: bool = False) -> str:
    with pytest.raises(LedgerError) as caught:
        journal(directory, restored)
    return caught.value.name


def test_a_copy_takes_the_ledgers_place(data: Path, tmp_path: Path) -> None:
    """What was there is set aside with its log, and is a ledger still; the copy wants to be begun anew."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    shutil.rmtree(data)
    count(data, 99)

    lines = restore(copy, data)

    assert (refusal(data), counted(data, restored=True)) == ("ledger_is_a_copy", 7)
    assert sorted(path.name for path in data.glob("*.replaced-*")) == [
        "ledger.db.replaced-1",
        "ledger.db.replaced-1-wal",
    ]
    assert "\n".join(lines).count("what was there before: ") == 2
    assert f"7 events of {copy}" in lines[-1]
    old = tmp_path / "old"
    old.mkdir()
    for part in ("", "-wal"):
        shutil.copy(data / f"ledger.db.replaced-1{part}", old / f"ledger.db{part}")
    assert counted(old) == 99


def test_a_second_restore_sets_aside_beside_the_first(data: Path, tmp_path: Path) -> None:
    """Nothing is ever overwritten."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    for _ in range(3):
        restore(copy, data)

    assert {path.name for path in data.glob("*.replaced-?")} == {f"ledger.db.replaced-{number}" for number in (1, 2, 3)}


def test_a_copy_may_be_put_into_a_directory_that_is_not_there(data: Path, tmp_path: Path) -> None:
    """On another machine: readable by its owner alone."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    copy.chmod(0o644)

    restore(copy, tmp_path / "new" / "data")

    assert counted(tmp_path / "new" / "data", restored=True) == 7
    assert (tmp_path / "new/data/ledger.db").stat().st_mode & 0o777 == 0o600


def test_the_mode_of_what_was_there_is_kept(data: Path, tmp_path: Path) -> None:
    """So that who could read it still can."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    (data / "ledger.db").chmod(0o640)

    restore(copy, data)

    assert (data / "ledger.db").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("is_empty", [True, False])
def test_what_is_restored_belongs_to_the_user_whose_directory_it_is(data: Path, tmp_path: Path, is_empty: bool) -> None:
    """Else the service, for which root restores, could open neither the ledger nor its lock.

    Root can give files to anybody; others can to each of their own groups.
    """
    user, group = (10058, 10059) if os.geteuid() == 0 else (os.geteuid(), max(os.getgroups(), default=os.getegid()))
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    if is_empty:
        shutil.rmtree(data)
        data.mkdir()
    for path in (data, *data.iterdir()):
        os.chown(path, user, group)

    restore(copy, data)

    ledger, lock = (data / "ledger.db").stat(), (data / "ledger.lock").stat()
    assert (ledger.st_uid, ledger.st_gid) == (user, group)
    assert lock.st_uid == user


def test_a_copy_in_the_same_directory_will_do(data: Path) -> None:
    """The one that a migration kept lies there, and the ledger itself, if somebody names it."""
    count(data, 7)
    backup(data, data / "ledger.db.schema-1")
    restore(data / "ledger.db.schema-1", data)
    restore(data / "ledger.db", data)

    assert counted(data, restored=True) == 7


def test_a_copy_made_by_hand_is_taken_with_its_log(data: Path, tmp_path: Path) -> None:
    """What `cp -r` made of a stopped or crashed exporter's directory."""
    count(data, 7)
    shutil.copytree(data, tmp_path / "by hand")
    assert (tmp_path / "by hand/ledger.db-wal").stat().st_size > 0

    restore(tmp_path / "by hand/ledger.db", data)

    assert counted(data, restored=True) == 7


@pytest.mark.parametrize("spoil", ["text", "cut", "missing", "empty"])
def test_what_is_no_sound_copy_changes_nothing(data: Path, tmp_path: Path, spoil: str) -> None:
    """The ledger stays where it is, and the message names the file that was given."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    whole = copy.read_bytes()
    contents = {"text": b"no ledger\n" * 500, "cut": whole[: len(whole) // 2], "missing": None, "empty": b""}[spoil]
    copy.unlink()
    if contents is not None:
        copy.write_bytes(contents)
    before = {path.name: path.read_bytes() for path in data.iterdir()}

    with pytest.raises(LedgerError) as caught:
        restore(copy, data)

    assert str(copy) in str(caught.value)
    assert ("no such file" in str(caught.value)) == (spoil == "missing")
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_a_directory_in_use_is_left_alone(data: Path, tmp_path: Path) -> None:
    """A running exporter would go on counting into a file that is set aside."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    running = journal(data)

    with pytest.raises(LedgerError) as caught:
        restore(copy, data)

    assert caught.value.name == "ledger_in_use"
    running.commit(Changes(2.0, totals={SERIES: 8}))
    running.close()
    assert counted(data) == 8


class PulledPlug(BaseException):
    """Whatever ends a process between two steps."""


@pytest.mark.parametrize("has_ledger", [True, False])
@pytest.mark.parametrize("step", range(4))
def test_a_restore_that_is_cut_short_begins_no_wrong_ledger(
    data: Path, tmp_path: Path, step: int, has_ledger: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each of its steps a start finds the old ledger whole, or refuses; and to restore again mends it."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    shutil.rmtree(data)
    if has_ledger:
        count(data, 99)
    steps = iter(range(10))
    rename = Path.rename

    def pull(path: Path, target: Path) -> Path:
        if next(steps) == step:
            raise PulledPlug
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", pull)
        try:
            restore(copy, data)
        except PulledPlug:
            pass
        else:
            assert step >= (3 if has_ledger else 1), "there are as many steps"

    if has_ledger and step == 0:
        assert counted(data) == 99
    else:
        assert refusal(data) in ("ledger_damaged", "ledger_is_a_copy")
    restore(copy, data)
    assert counted(data, restored=True) == 7


def test_a_copy_beside_the_log_of_another_ledger_is_refused_by_the_logs_name(data: Path, tmp_path: Path) -> None:
    """Put there by hand: SQLite would write that log into it, and call it damaged, or not even notice."""
    count(data, 7)
    copy = backup(data, tmp_path / "copy.db")
    shutil.rmtree(data)
    count(data, 99)
    shutil.copy(copy, data / "ledger.db")
    before = {path.name: path.read_bytes() for path in data.iterdir()}

    with pytest.raises(LedgerError) as caught:
        journal(data, restored=True)

    assert caught.value.name == "ledger_log_stale"
    assert str(data / "ledger.db-wal") in str(caught.value)
    assert "capgo-exporter restore" in str(caught.value)
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before
    restore(copy, data)
    assert counted(data, restored=True) == 7


def test_a_damaged_ledger_names_the_log_beside_it(data: Path) -> None:
    """And the command that mends it: the way out of "damaged: open with --restored" and "is damaged"."""
    count(data, 7)
    (data / "ledger.db").write_bytes(b"\xa5" * 8192)

    with pytest.raises(LedgerError) as caught:
        journal(data, restored=True)

    assert caught.value.name == "ledger_damaged"
    assert "ledger.db-wal" in str(caught.value)
    assert "capgo-exporter restore FILE" in str(caught.value)


def begin_anew(opened: Journal) -> None:
    assert opened.is_copy
    opened.begin_anew(Changes(3.0, totals={SERIES: 0}, forgotten_events=7))


def test_restored_does_nothing_once_it_is_done(data: Path, tmp_path: Path, said: list[Any]) -> None:
    """Systemd, compose and Kubernetes have no "start once": what is counted after that stays counted."""
    count(data, 7)
    restore(backup(data, tmp_path / "copy.db"), data)
    opened = journal(data, restored=True)
    begin_anew(opened)
    opened.commit(Changes(4.0, totals={SERIES: 1}))
    opened.close()
    assert said == []

    for _ in range(2):
        again = journal(data, restored=True)
        assert not again.is_copy
        again.close()

    assert counted(data, restored=True) == 1
    assert [line["event"] for line in said] == ["restored_ignored"] * 3


def test_restored_does_nothing_to_a_ledger_that_is_no_copy(data: Path, said: list[Any]) -> None:
    """It warns, and counts on."""
    count(data, 7)

    assert counted(data, restored=True) == 7
    assert [line["event"] for line in said] == ["restored_ignored"]


def opened_as(directory: Path, restored: bool = False) -> Opened:
    opened = journal(directory, restored)
    if opened.is_copy:
        begin_anew(opened)
    opened.close()
    return opened.opened


def test_how_a_ledger_was_opened_is_known(data: Path, tmp_path: Path) -> None:
    """Made anew, as it was left, or a copy; a mistyped directory shows as the first."""
    assert [opened_as(data), opened_as(data)] == ["created", "found"]
    restore(backup(data, tmp_path / "copy.db"), data)
    assert [opened_as(data, restored=True), opened_as(data, restored=True)] == ["restored", "found"]


def test_a_migrated_ledger_says_so_and_what_is_kept_of_it_is_a_copy(data: Path) -> None:
    """Put back as it is, an older state would read as an increase of all it holds."""
    count(data, 7)
    with closing(sqlite3.connect(data / "ledger.db")) as db:
        db.executescript(back_to(2))
    kept = data / "ledger.db.schema-2"

    assert [opened_as(data), opened_as(data)] == ["migrated", "found"]

    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert db.execute("SELECT value FROM meta WHERE name = 'is_copy'").fetchone() == (1,)
    restore(kept, data)
    assert refusal(data) == "ledger_is_a_copy"
    assert counted(data, restored=True) == 7


def test_check_tells_a_copy_from_a_ledger(data: Path, tmp_path: Path) -> None:
    """Before anybody starts an exporter on it."""
    count(data, 7)
    assert next(check(data)) == f"{data / 'ledger.db'}: sound"
    restore(backup(data, tmp_path / "copy.db"), data)

    assert next(check(data)) == f"{data / 'ledger.db'}: sound, a copy, to be started with --restored"


def test_a_copy_that_fails_leaves_no_file(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of one might be taken for whole."""
    count(data, 7)
    opened = journal(data)

    class Full(sqlite3.Connection):
        def execute(self, *_: Any) -> Any:
            raise sqlite3.OperationalError("database or disk is full")

    connect = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *args, **named: connect(*args, factory=Full, **named))
        with pytest.raises(sqlite3.OperationalError):
            ledgerfile.copy(opened._db, tmp_path / "copy.db")  # noqa: SLF001 - what a journal hands over
    opened.close()

    assert not (tmp_path / "copy.db").exists()
