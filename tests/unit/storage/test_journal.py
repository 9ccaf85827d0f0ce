"""What the disk keeps, and what it says when it can't."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.changes import Changes, Show, Sighting, State
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.storage import ledgerfile, recenttable, tables
from exporter.storage.errors import LedgerError, StorageUnavailableError
from exporter.storage.journal import Journal
from exporter.storage.recenttable import RecentTable
from exporter.wire.labels import Series, Version
from tests.support.entries import Entry, columns

VERSION = Version("com.acme.notes", "android", "1.0", False)
SERIES = Series(VERSION, "set")
DAY = 86400.0
WITHOUT_DEVICES = "ALTER TABLE recent DROP COLUMN devices; DROP TABLE devices; DROP TABLE numbers;"
"""What a ledger of schema 4 lacks."""

NOW = ledgerfile.SCHEMA_VERSION

Open = Callable[..., Journal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the journal of the test's own directory; what the test leaves open is closed after it."""
    with ExitStack() as left_open:

        def open_journal(
            memory: int = 1000, window: float = DAY, apply: Callable[[Changes], None] = lambda _: None
        ) -> Journal:
            journal = Journal(tmp_path, "process", memory, window)
            journal.load(apply)
            return left_open.enter_context(closing(journal))

        yield open_journal


def everything(directory: Path) -> Changes:
    """All that a directory's ledger holds, in one."""
    found = Changes(0.0)
    journal = Journal(directory, "process", 1000, DAY)

    def add(changes: Changes) -> None:
        found.totals.update(changes.totals)
        found.shows.update(changes.shows)
        found.sightings.update(changes.sightings)
        found.fingerprints.update(changes.fingerprints)
        found.devices.update(changes.devices)
        found.numbers.update(changes.numbers)
        found.at = max(found.at, changes.at)
        found.forgotten_events = found.forgotten_events or changes.forgotten_events

    journal.load(add)
    journal.close()
    return found


def test_what_is_committed_is_loaded(opened: Open, tmp_path: Path) -> None:
    """Every part of a transaction, with text that needs care."""
    odd = Series(Version("com.acme.notes", "other", "1'\"ü\\ 2", True), "other")
    written = Changes(
        5.0,
        totals={SERIES: 3, odd: 2**40},
        shows={SERIES: Show(State.HELD, 1, 4.5), odd: Show(State.DORMANT, 7, 0.25)},
        sightings={VERSION: Sighting(1.0, 2.0)},
        fingerprints={-(2**63): 0, 2**63 - 1: 2**53},
    )
    journal = opened()
    journal.commit(written)
    journal.close()

    read = everything(tmp_path)

    assert (read.totals, read.shows, read.sightings) == (written.totals, written.shows, written.sightings)
    assert read.fingerprints == written.fingerprints


def test_what_ended_or_was_forgotten_is_gone(opened: Open, tmp_path: Path) -> None:
    """And the number of forgotten events stays."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 3}, sightings={VERSION: Sighting(1.0, 1.0)}))
    journal.commit(Changes(2.0, ended=[VERSION], forgotten=[SERIES], forgotten_events=3))
    journal.close()

    read = everything(tmp_path)

    assert (read.totals, read.sightings, read.forgotten_events) == ({}, {}, 3)


def test_transactions_without_fingerprints_leave_no_trail(opened: Open) -> None:
    """Clients that send no timestamps must not grow the file with each post."""
    journal = opened()
    for total in range(2500):
        journal.commit(Changes(float(total), totals={SERIES: total}))

    journal.commit(Changes(2500.0, sightings={VERSION: Sighting(1.0, 2.0)}))
    journal.commit(Changes(2501.0, sightings={VERSION: Sighting(1.0, 3.0)}))

    assert journal._db.execute("SELECT count(*) FROM recent").fetchone() == (1,)  # noqa: SLF001 - nothing else shows it


def test_of_several_totals_of_a_series_the_last_one_counts(opened: Open, tmp_path: Path) -> None:
    """Whether they are read back at a start or after a failure."""
    journal = opened()
    for total in (1, 2, 3):
        journal.commit(Changes(1.0, totals={SERIES: total}))
    fail(journal, "INSERT INTO recent", after=False)
    with pytest.raises(StorageUnavailableError):
        journal.commit(Changes(2.0, totals={SERIES: 4}))
    assert journal.settle() is None
    journal.commit(Changes(3.0, sightings={VERSION: Sighting(1.0, 2.0)}))
    journal.close()

    assert everything(tmp_path).totals == {SERIES: 3}


def test_what_a_smaller_memory_cannot_hold_is_on_disk_from_the_start(opened: Open) -> None:
    """Else the retries in the first post after the restart would count again."""
    journal = opened(memory=1000)
    for number in range(500):
        journal.commit(Changes(1.0, fingerprints={number: 1000}))
    journal.close()

    journal = opened(memory=100)

    assert on_disk(journal, *((1000, number) for number in range(400))) == {*range(400)}


def test_what_a_restored_copy_forgets_stays_forgotten(opened: Open, tmp_path: Path) -> None:
    """Its number is written without any series that goes."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 0}, forgotten_events=7))
    journal.close()

    assert everything(tmp_path).forgotten_events == 7


SEVERAL = [Series(VERSION, action) for action in ("set", "set_fail", "delete", "reset")]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(SEVERAL), st.integers(0, 2**62), max_size=4),
            st.sets(st.integers(-(2**63), 2**63 - 1), max_size=3),
            st.sampled_from([None, "sees", "forgets", "opens anew"]),
        ),
        max_size=20,
    )
)
def test_what_is_loaded_is_what_was_committed_last(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[dict[Series, int], set[int], str | None]],
) -> None:
    """Whichever form a transaction takes, in whatever order, over restarts."""
    directory = tmp_path_factory.mktemp("ledger")
    journal = Journal(directory, "process", 1000, DAY)
    journal.load(lambda _: None)
    totals: dict[Series, int] = {}
    fingerprints: dict[int, int] = {}
    for at, (counted, seen, deed) in enumerate(steps):
        changes = Changes(float(at), totals=counted, fingerprints=dict.fromkeys(seen, at))
        if deed == "sees":
            changes.sightings = {VERSION: Sighting(0.0, float(at))}
        elif deed == "forgets" and totals.keys() - counted.keys():
            changes.forgotten = [min(totals.keys() - counted.keys())]
            changes.forgotten_events = 1
            del totals[changes.forgotten[0]]
        journal.commit(changes)
        totals |= counted
        fingerprints |= changes.fingerprints
        if deed == "opens anew":
            journal.close()
            journal = Journal(directory, "process", 1000, DAY)
            journal.load(lambda _: None)
    journal.close()

    read = everything(directory)
    assert (read.totals, read.fingerprints) == (totals, fingerprints)


def test_a_ledger_that_lacks_a_series_it_has_events_of_is_refused(opened: Open, tmp_path: Path) -> None:
    """They were acknowledged."""
    journal = opened()
    for total in range(3):
        journal.commit(Changes(1.0, totals={SERIES: total}))
    journal.close()
    with closing(sqlite3.connect(tmp_path / ledgerfile.FILE_NAME)) as db, db:
        db.execute("DELETE FROM series")

    with pytest.raises(LedgerError) as caught:
        opened()

    assert caught.value.name == "ledger_damaged"


def on_disk(journal: Journal, *pairs: tuple[int, int]) -> set[int]:
    """Which of these pairs of timestamp and fingerprint have left memory, and are remembered."""
    disk = journal.remembers
    return {*disk.among(pairs)} if disk else set()


def test_fingerprints_move_to_disk_and_are_found_there(opened: Open) -> None:
    """Beyond memory, for as long as the window."""
    journal = opened(memory=10)
    now = 10 * DAY
    for number in range(30):
        journal.commit(Changes(now, fingerprints={number: int(now * 1000)}))

    moment = int(now * 1000)
    assert on_disk(journal, *((moment, number) for number in range(20)), (1, 23)) == {*range(20)}
    journal.commit(Changes(now + 2 * DAY, fingerprints={99: int((now + 2 * DAY) * 1000)}))
    assert not on_disk(journal, *((moment, number) for number in range(10)))


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(("ahead", "later"), [(3.0, 3.2), (3.0, 5), (1.5, 2), (20, 5), (20, 20.2), (0, 5), (-15, 5)])
def test_a_retry_is_recognised_whatever_the_devices_clock(
    opened: Open, ahead: float, later: float, restarted: bool
) -> None:
    """Memory spans an hour and a half, and the retry comes when it is long gone: the disk has to be asked for it."""
    journal, hour, now = opened(memory=90), 3600.0, 10 * DAY
    ledger = Ledger(Limits(DAY, 0, 10, 90, BudgetLimits(10, 10, 10_000)))

    def post(fingerprint: int, moment: float, at: float) -> bool:
        draft = Draft(ledger, at, journal.remembers)
        (series,) = draft.add(columns([Entry(SERIES, fingerprint, int(moment * 1000))]))
        journal.commit(draft.changes)
        ledger.apply(draft.changes)
        return series is not None

    assert post(-1, now + ahead * hour, now)
    for minute in range(1, int(later * 60)):
        assert post(minute, now + minute * 60, now + minute * 60)
    if restarted:
        journal.close()
        ledger = Ledger(Limits(DAY, 0, 10, 90, BudgetLimits(10, 10, 10_000)))
        journal = opened(memory=90, apply=ledger.apply)

    assert not post(-1, now + ahead * hour, now + later * hour)


@pytest.mark.parametrize("restarted", [False, True])
def test_the_latest_timestamp_of_all_that_left_memory_is_known(opened: Open, restarted: bool) -> None:
    """Whatever left after it, and after a restart as well: up to there an event may be on disk."""
    journal, now = opened(memory=1), 10 * DAY
    for number, ahead in enumerate((0, DAY / 2, -DAY / 2, 2 * DAY, 0)):
        journal.commit(Changes(now, fingerprints={number: int((now + ahead) * 1000)}))
    if restarted:
        journal.close()
        journal = opened(memory=1)

    assert journal.remembers is not None
    assert journal.remembers.newest == int((now + DAY / 2) * 1000)


def test_a_clock_turned_back_does_not_make_memory_seem_longer(opened: Open, tmp_path: Path) -> None:
    """The span on /metrics says since when a retry is found without the disk."""
    journal = opened(memory=1)
    for at, number in ((9000.0, 1), (4000.0, 2), (4001.0, 3)):
        journal.commit(Changes(at, fingerprints={number: int(at * 1000)}))
        journal.close()
        journal = opened(memory=1)
    journal.close()

    assert everything(tmp_path).at == 9000.0


def test_an_event_of_the_first_moment_is_looked_for_on_disk(opened: Open) -> None:
    """A machine without a clock, and 0 is a timestamp like any other: in the company of later ones as well."""
    journal, ledger = opened(memory=1), Ledger(Limits(DAY, 0, 10, 1, BudgetLimits(10, 10, 10_000)))

    def post(*events: tuple[int, int]) -> list[Series | None]:
        draft = Draft(ledger, 50.0, journal.remembers)
        counted = draft.add(columns([Entry(SERIES, number, timestamp) for number, timestamp in events]))
        journal.commit(draft.changes)
        ledger.apply(draft.changes)
        return [*counted]

    post((1, 0))
    for number in range(2, 14):
        post((number, number))

    assert post((1, 0), (99, 10**6)) == [None, SERIES]


def test_a_device_clock_outside_the_window_is_not_kept_for_ever(opened: Open) -> None:
    """A forged timestamp of the year 3000 would otherwise never leave the disk."""
    journal = opened(memory=1)
    for number, timestamp in enumerate((0, 2**53, int(10 * DAY * 1000))):
        journal.commit(Changes(10 * DAY, fingerprints={number: timestamp}))
    journal.commit(Changes(10 * DAY, fingerprints={9: 9}))

    assert on_disk(journal, (0, 0), (2**53, 1), (int(10 * DAY * 1000), 2)) == {2}


class Failing:
    """A connection on which one statement fails, before or after it took effect."""

    def __init__(self, db: sqlite3.Connection, statement: str, *, after: bool) -> None:
        self.db, self.statement, self.after = db, statement, after

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql.startswith(self.statement):
            if self.after:
                self.db.execute(sql, *values)
            raise sqlite3.OperationalError("disk I/O error")
        return self.db.execute(sql, *values)

    def executemany(self, sql: str, values: Any) -> sqlite3.Cursor:
        return self.db.executemany(sql, values)

    def close(self) -> None:
        self.db.close()


def fail(journal: Journal, statement: str, *, after: bool) -> None:
    """Have a statement fail, whichever table's it is."""
    failing: Any = Failing(journal._db, statement, after=after)  # noqa: SLF001 - nothing else can make it fail
    for each in (journal, journal._series, journal._devices, journal._recent, journal._old):  # noqa: SLF001
        each._db = failing  # noqa: SLF001


SEEN = {VERSION: Sighting(1.0, 2.0)}
"""A change that takes a transaction of several statements."""


@pytest.mark.parametrize(
    ("statement", "sightings"),
    [("INSERT INTO recent", {}), ("BEGIN", SEEN), ("INSERT INTO recent", SEEN), ("COMMIT", SEEN)],
)
def test_a_failed_commit_that_did_not_land_is_as_if_never_tried(
    opened: Open, statement: str, sightings: dict[Version, Sighting], tmp_path: Path
) -> None:
    """The client was told to send it again, and then it counts once."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    fail(journal, statement, after=False)

    with pytest.raises(StorageUnavailableError):
        journal.commit(Changes(2.0, totals={SERIES: 2}, sightings=sightings))
    assert not journal.healthy
    assert journal.settle() is None
    journal.commit(Changes(3.0, totals={SERIES: 2}))
    assert journal.healthy
    journal.close()

    assert everything(tmp_path).totals == {SERIES: 2}


@pytest.mark.parametrize("statement", ["INSERT OR IGNORE INTO old", "DELETE FROM old", "COMMIT"])
def test_what_failed_to_leave_memory_leaves_it_later(opened: Open, statement: str, tmp_path: Path) -> None:
    """And is found on disk then, once each."""
    journal = opened(memory=1)
    journal.commit(Changes(DAY, fingerprints={1: int(DAY * 1000)}))
    fail(journal, statement, after=False)

    with pytest.raises(StorageUnavailableError):
        journal.commit(Changes(DAY, fingerprints={2: int(DAY * 1000)}))
    assert journal.settle() is None
    assert journal.remembers is None
    for number in (2, 3):
        journal.commit(Changes(DAY, fingerprints={number: int(DAY * 1000)}))

    assert on_disk(journal, *((int(DAY * 1000), number) for number in (1, 2, 3))) == {1, 2}
    journal.close()
    with closing(sqlite3.connect(tmp_path / ledgerfile.FILE_NAME)) as db:
        assert db.execute("SELECT count(*) FROM old").fetchone() == (2,)


@pytest.mark.parametrize("statement", ["INSERT INTO recent", "COMMIT"])
def test_a_failed_commit_that_landed_after_all_is_told_of(opened: Open, statement: str) -> None:
    """The retry of its events must find them counted."""
    journal = opened()
    ledger = Ledger(Limits(DAY, 0, 10, 1000, BudgetLimits(10, 10, 10_000)))
    if statement != "COMMIT":  # of a series that is known, and so in one statement
        first = Draft(ledger, 1.0, journal.remembers)
        first.add(columns([Entry(SERIES, 6, 1000)]))
        journal.commit(first.changes)
        ledger.apply(first.changes)
    draft = Draft(ledger, 1.0, journal.remembers)
    post = columns([Entry(SERIES, 7, 1000)])
    draft.add(post)
    fail(journal, statement, after=True)

    with pytest.raises(StorageUnavailableError):
        journal.commit(draft.changes)
    landed = journal.settle()

    assert landed is draft.changes
    ledger.apply(landed)
    assert Draft(ledger, 2.0, journal.remembers).add(post) == [None]


def test_what_landed_was_not_shown_to_the_scrape_that_asked_for_it(opened: Open) -> None:
    """Its commit failed, so it was served without."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    shown = Changes(2.0, shows={SERIES: Show(State.HELD, 0, 2.0)}, scraped=True)
    fail(journal, "COMMIT", after=True)

    with pytest.raises(StorageUnavailableError):
        journal.commit(shown)
    landed = journal.settle()

    assert landed is shown
    assert not landed.scraped


def test_what_landed_is_told_of_though_it_took_two_tries_to_read_it_back(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try may get so far as to see the transaction, and fail after that."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    fail(journal, "INSERT INTO recent", after=True)
    changes = Changes(2.0, totals={SERIES: 2})
    with pytest.raises(StorageUnavailableError):
        journal.commit(changes)
    with monkeypatch.context() as patched:
        patched.setattr(tables, "ahead", raises(sqlite3.OperationalError("disk I/O error")))
        with pytest.raises(StorageUnavailableError):
            journal.settle()

    assert journal.settle() is changes


@pytest.mark.parametrize("statement", ["DELETE FROM recent", "UPDATE recent", "INSERT OR IGNORE INTO old", "COMMIT"])
def test_a_failure_that_is_still_being_told_does_not_hold_the_file(
    opened: Open, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes to each post that waits, and what a cursor in its traceback reads, SQLite would keep open and locked."""
    monkeypatch.setattr(recenttable, "_JOINED", 1)
    journal = opened(memory=3)
    for number in range(3):
        journal.commit(Changes(DAY, totals={SERIES: number}, fingerprints={number: int(DAY * 1000)}))
    fail(journal, statement, after=False)

    with pytest.raises(StorageUnavailableError) as told:  # with the event, the first of the three is to leave memory
        journal.commit(Changes(DAY, totals={SERIES: 3}, fingerprints={3: int(DAY * 1000)}))
    assert journal.settle() is None
    assert "disk I/O error" in str(told.value)


def test_a_settling_that_failed_does_not_hold_the_file_either(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have begun to read."""
    journal = opened()
    fail(journal, "BEGIN", after=False)
    with pytest.raises(StorageUnavailableError):
        journal.commit(Changes(DAY, totals={SERIES: 1}))

    def begins_to_read(db: sqlite3.Connection) -> None:
        rows = db.execute("SELECT * FROM meta")
        raise sqlite3.OperationalError(f"disk I/O error after {next(rows)}")

    with monkeypatch.context() as patched:
        patched.setattr(tables, "count_packed", begins_to_read)
        with pytest.raises(StorageUnavailableError) as told:
            journal.settle()
    assert journal.settle() is None
    assert "disk I/O error" in str(told.value)


@pytest.mark.parametrize("how", ["deleted", "replaced", "moved", "directory moved", "directory deleted"])
def test_nothing_is_committed_to_a_file_that_no_start_will_find(tmp_path: Path, how: str) -> None:
    """The system lets a process go on writing to what was deleted or moved, and each post would be acknowledged."""
    data = tmp_path / "data"
    path = data / ledgerfile.FILE_NAME
    with closing(Journal(data, "process", 1000, DAY)) as journal:
        journal.load(lambda _: None)
        journal.commit(Changes(1.0, totals={SERIES: 1}))
        match how:
            case "deleted":
                path.unlink()
            case "replaced":
                shutil.copy(path, tmp_path / "copy")
                (tmp_path / "copy").rename(path)
            case "moved":
                path.rename(tmp_path / "moved")
            case "directory moved":
                data.rename(tmp_path / "moved")
            case _:
                shutil.rmtree(data)

        for refused in (lambda: journal.commit(Changes(2.0, totals={SERIES: 2})), journal.settle, journal.settle):
            with pytest.raises(StorageUnavailableError, match=r"ledger\.db was deleted, moved or replaced"):
                refused()
        assert not journal.healthy


def test_a_ledger_that_is_put_back_goes_on(tmp_path: Path) -> None:
    """What was refused meanwhile counts when it comes again."""
    data, away = tmp_path / "data", tmp_path / "away"
    with closing(Journal(data, "process", 1000, DAY)) as journal:
        journal.load(lambda _: None)
        journal.commit(Changes(1.0, totals={SERIES: 1}))
        data.rename(away)
        with pytest.raises(StorageUnavailableError):
            journal.commit(Changes(2.0, totals={SERIES: 2}))
        away.rename(data)
        assert journal.settle() is None
        journal.commit(Changes(3.0, totals={SERIES: 2}))

    assert everything(data).totals == {SERIES: 2}


def test_a_deleted_log_costs_nothing(opened: Open, tmp_path: Path) -> None:
    """Somebody has tidied up: what was acknowledged is in the open one alone, and survives a crash right after it."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    (tmp_path / f"{ledgerfile.FILE_NAME}-wal").unlink()

    with pytest.raises(StorageUnavailableError, match=r"ledger\.db-wal was deleted"):
        journal.commit(Changes(2.0, totals={SERIES: 2}))
    assert journal.settle() is None
    journal.commit(Changes(3.0, totals={SERIES: 2}))

    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for part in ("", "-wal"):
        shutil.copy(tmp_path / f"{ledgerfile.FILE_NAME}{part}", crashed)
    assert everything(crashed).totals == {SERIES: 2}


def raises(error: Exception) -> Callable[..., None]:
    """A function that does."""

    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_failure_that_is_not_the_disks_leaves_no_half_transaction(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Short of memory, for one; the next post must not be refused for ever, or commit what was refused."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    with monkeypatch.context() as patched:
        patched.setattr(RecentTable, "retire", raises(MemoryError()))
        with pytest.raises(StorageUnavailableError):
            journal.commit(Changes(2.0, totals={SERIES: 2}, sightings=SEEN))
    assert journal.settle() is None
    journal.commit(Changes(3.0, totals={SERIES: 3}))
    journal.close()

    assert everything(tmp_path).totals == {SERIES: 3}


def test_a_count_that_finds_no_row_is_refused_and_not_lost(opened: Open, tmp_path: Path) -> None:
    """Rows are found by numbers kept in memory; were one wrong, the client would be told ok for nothing."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    journal._series._ids[SERIES] = 99  # noqa: SLF001 - nothing else can make it wrong

    with pytest.raises(StorageUnavailableError):
        journal.commit(Changes(2.0, totals={SERIES: 2}, sightings=SEEN))
    assert journal.settle() is None
    journal.commit(Changes(3.0, totals={SERIES: 2}))
    journal.close()

    assert everything(tmp_path).totals == {SERIES: 2}


def test_a_directory_has_one_user(opened: Open, tmp_path: Path) -> None:
    """Two processes would count past each other."""
    first = opened()
    with pytest.raises(LedgerError) as caught:
        Journal(tmp_path, "process", 10, DAY)
    assert caught.value.name == "ledger_in_use"
    first.close()
    opened().close()


def test_a_log_without_its_ledger_is_not_begun_anew(opened: Open, tmp_path: Path) -> None:
    """A new file beside the old log would throw away what the log holds."""
    opened().close()
    (tmp_path / ledgerfile.FILE_NAME).rename(tmp_path / "elsewhere")
    (tmp_path / "ledger.db-wal").write_bytes(b"something")

    with pytest.raises(LedgerError) as caught:
        Journal(tmp_path, "process", 10, DAY)

    assert caught.value.name == "ledger_damaged"
    assert (tmp_path / "ledger.db-wal").read_bytes() == b"something"


def test_an_older_schema_migrates_in_one_transaction_after_a_copy(opened: Open, tmp_path: Path) -> None:
    """The copy stays, as the file was."""
    opened().close()
    path = tmp_path / ledgerfile.FILE_NAME
    before = path.read_bytes()
    steps = {NOW: "CREATE TABLE extra (a);", NOW + 1: "INSERT INTO extra VALUES (7);"}

    with closing(ledgerfile.connect(path, "process", steps)) as db:
        assert db.execute("SELECT a FROM extra").fetchone() == (7,)
        assert db.execute("PRAGMA user_version").fetchone() == (NOW + 2,)

    with closing(sqlite3.connect(tmp_path / f"ledger.db.schema-{NOW}")) as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (NOW,)
        assert kept.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").fetchone() == (0,)
    assert len((tmp_path / f"ledger.db.schema-{NOW}").read_bytes()) == len(before)


def test_a_migration_that_fails_changes_nothing(opened: Open, tmp_path: Path) -> None:
    """Half a migration would be a file that no release can read."""
    opened().close()
    path = tmp_path / ledgerfile.FILE_NAME

    with pytest.raises(LedgerError):
        ledgerfile.connect(
            path, "process", {NOW: "CREATE TABLE extra (a);", NOW + 1: "INSERT INTO nowhere VALUES (7);"}
        )

    with closing(ledgerfile.connect(path, "process")) as db:
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").fetchone() == (0,)
        assert db.execute("PRAGMA user_version").fetchone() == (NOW,)


def test_a_migration_that_sqlite_has_undone_itself_says_why(opened: Open, tmp_path: Path) -> None:
    """As it does on a full disk: there is nothing left to roll back, which is not what is wrong."""
    opened().close()
    undone = (
        "CREATE TABLE extra (a PRIMARY KEY); INSERT INTO extra VALUES (1); INSERT OR ROLLBACK INTO extra VALUES (1);"
    )

    with pytest.raises(LedgerError, match="UNIQUE constraint failed"):
        ledgerfile.connect(tmp_path / ledgerfile.FILE_NAME, "process", {NOW: undone})


def test_a_ledger_of_schema_1_goes_on_counting(opened: Open, tmp_path: Path) -> None:
    """Its series had no number, and its transactions no totals."""
    opened().close()
    with closing(sqlite3.connect(tmp_path / ledgerfile.FILE_NAME)) as db, db:
        db.executescript(f"""
            {WITHOUT_DEVICES}
            ALTER TABLE recent DROP COLUMN totals;
            DROP TABLE series;
            CREATE TABLE series (
                app_id TEXT, platform TEXT, version TEXT, test INTEGER, action TEXT,
                total INTEGER NOT NULL, state INTEGER NOT NULL, base INTEGER NOT NULL, since REAL NOT NULL,
                PRIMARY KEY (app_id, platform, version, test, action)
            ) WITHOUT ROWID;
            PRAGMA user_version = 1;
        """)
        db.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, 3, 2, 1, 4.5)", (*VERSION, SERIES.name))

    journal = opened()
    journal.commit(Changes(6.0, totals={SERIES: 4}))
    journal.close()

    read = everything(tmp_path)
    assert (read.totals, read.shows) == ({SERIES: 4}, {SERIES: Show(State.RELEASED, 1, 4.5)})


def test_a_ledger_of_schema_3_goes_on_counting(opened: Open, tmp_path: Path) -> None:
    """It named its counters by their actions, for there were no others; the newest totals are in a row of `recent`."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    journal.commit(Changes(2.0, totals={SERIES: 2}, fingerprints={7: 1000}))
    journal.close()
    with closing(sqlite3.connect(tmp_path / ledgerfile.FILE_NAME)) as db:
        db.executescript(f"{WITHOUT_DEVICES} ALTER TABLE series RENAME COLUMN name TO action; PRAGMA user_version = 3;")

    journal, more = opened(), Series(VERSION, "visits:crashes")
    journal.commit(Changes(3.0, totals={SERIES: 3, more: 1}))
    journal.close()

    read = everything(tmp_path)
    assert (read.totals, read.fingerprints) == ({SERIES: 3, more: 1}, {7: 1000})


def test_a_ledger_of_schema_4_goes_on_counting(opened: Open, tmp_path: Path) -> None:
    """It knew of no devices."""
    journal = opened()
    journal.commit(Changes(1.0, totals={SERIES: 1}))
    journal.commit(Changes(2.0, totals={SERIES: 2}, fingerprints={7: 1000}))
    journal.close()
    db = sqlite3.connect(tmp_path / ledgerfile.FILE_NAME)
    db.executescript(f"{WITHOUT_DEVICES} PRAGMA user_version = 4;")
    db.close()

    journal = opened()
    journal.commit(Changes(3.0, totals={SERIES: 3}, devices={5: 6}, numbers={2: VERSION}))
    journal.close()

    read = everything(tmp_path)
    assert (read.totals, read.fingerprints) == ({SERIES: 3}, {7: 1000})
    assert (read.devices, read.numbers) == ({5: 6}, {2: VERSION})


def test_a_series_that_was_forgotten_can_be_counted_again(opened: Open, tmp_path: Path) -> None:
    """Its row is gone, and another may have its number."""
    journal, other = opened(), Series(VERSION, "delete")
    journal.commit(Changes(1.0, totals={SERIES: 3}))
    journal.commit(Changes(2.0, forgotten=[SERIES], forgotten_events=3))
    journal.commit(Changes(3.0, totals={other: 5}))
    journal.commit(Changes(4.0, totals={SERIES: 1}))
    journal.close()

    assert everything(tmp_path).totals == {other: 5, SERIES: 1}
