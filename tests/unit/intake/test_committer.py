"""The one thread that commits: what shares a commit, what a disk that hangs costs; the test owns the clocks."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.changes import Changes
from exporter.counting.ledger import Ledger, Limits
from exporter.eventlog.record import Record
from exporter.intake.committer import Committer, OverloadedError
from exporter.intake.post import Arrival, Post
from exporter.intake.waiting import PATIENCE
from exporter.metrics.telemetry import Telemetry
from exporter.storage.errors import LedgerError, StorageUnavailableError
from exporter.storage.journal import Journal
from exporter.wire.events import decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy
from tests.support.loops import TestLoop, eventually

SLOWLY = PATIENCE * 1.1


class HangingJournal(Journal):
    """A disk that can be held: each commit waits until it is free."""

    free: threading.Event
    fails = False
    begun = 0

    def commit(self, changes: Changes) -> None:
        self.begun += 1
        self.free.wait()
        if self.fails:
            raise StorageUnavailableError("the disk is full")
        super().commit(changes)


def disk(directory: Path) -> HangingJournal:
    """One that is free."""
    journal = HangingJournal(directory, "process", 1000, 3600.0)
    journal.free = threading.Event()
    journal.free.set()
    return journal


class Bench:
    """A committer, its loop, and what became of the posts."""

    def __init__(self, directory: Path) -> None:
        self.loop = TestLoop()
        self.journal = disk(directory)
        self.telemetry = Telemetry()
        limits = Limits(3600.0, 0.0, 10_000, 1000, BudgetLimits(2, 10, 10_000))
        self.committer = Committer(
            Ledger(limits), self.journal, self.telemetry, (), clock=lambda: 1_000_000.0, now=lambda: self.loop.now
        )
        self.committer.load()
        self.committer.start()
        self.committer.on_decided(self._decided)
        self.fates: dict[int, Exception | None] = {}
        self._label, self._fingerprints = policy(()), fingerprinter(self.journal.key)
        self._posted = 0
        self.answered: Callable[[], None] = lambda: None
        """Called when posts were decided."""

    def _decided(self, posts: list[Post]) -> None:
        for post in posts:
            assert int(post.arrival.user_agent) not in self.fates, "decided twice"
            self.fates[int(post.arrival.user_agent)] = post.error
        self.answered()

    def post(self, app_id: str = "com.example.app", events: int = 1) -> int:
        """Submit one; its number in `fates`."""
        self._posted += 1
        items = [{"app_id": app_id, "action": "set", "version_name": "1.0.0"}] * events
        body = json.dumps(items).encode()
        arrival = Arrival(body, str(self._posted), lambda _: None, self.loop.now)
        self.committer.submit(Post(arrival, decode(body, 100_000), self._label, self._fingerprints))
        return self._posted

    async def until_it_hangs(self) -> int:
        """Hold the disk, and have it begin a commit; the number of the post in it."""
        self.journal.free.clear()
        begun = self.journal.begun
        number = self.post()
        await eventually(lambda: self.journal.begun > begun)
        return number

    async def until_decided(self, number: int) -> Exception | None:
        """The error of a post, if it has one."""
        await eventually(lambda: number in self.fates)
        return self.fates[number]

    def run(self, story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        """Run a story in the loop."""
        self.loop.run_until_complete(story(self))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.free.set()
    bench.committer.stop(60)
    bench.loop.close()


def test_all_posts_of_one_turn_share_one_commit(bench: Bench) -> None:
    """A hundred posts that were read in one turn of the loop."""

    async def story(bench: Bench) -> None:
        numbers = [bench.post() for _ in range(100)]
        for number in numbers:
            assert await bench.until_decided(number) is None
        assert bench.journal.begun == 1
        assert bench.telemetry.tally.counted == 100

    bench.run(story)


def test_what_comes_during_a_commit_shares_the_next(bench: Bench) -> None:
    """However much it is, and however slow the disk."""

    async def story(bench: Bench) -> None:
        first = await bench.until_it_hangs()
        later = []
        for _ in range(50):
            later.append(bench.post())
            await asyncio.sleep(0)
        bench.journal.free.set()
        assert [await bench.until_decided(number) for number in (first, *later)] == [None] * 51
        assert bench.journal.begun == 2

    bench.run(story)


def test_the_next_post_of_who_was_answered_shares_a_commit_with_those_that_wait(bench: Bench) -> None:
    """It comes at once; were the others committed without it, each commit would have half of the posts."""

    async def story(bench: Bench) -> None:
        answered = asyncio.Event()
        bench.answered = answered.set
        first = await bench.until_it_hangs()
        waits = bench.post()
        bench.journal.free.set()
        await answered.wait()
        following = bench.post()
        assert [await bench.until_decided(number) for number in (first, waits, following)] == [None] * 3
        assert bench.journal.begun == 2

    bench.run(story)


def test_behind_a_commit_that_hangs_a_post_waits_for_a_second_at_most(bench: Bench) -> None:
    """Then it is refused, and nothing of it is counted; the one in the commit hears of its fate when that is known."""

    async def story(bench: Bench) -> None:
        inside = await bench.until_it_hangs()
        behind = [bench.post() for _ in range(3)]
        await bench.loop.advance(PATIENCE * 0.5)
        late = bench.post()
        await bench.loop.advance(PATIENCE * 0.4)
        assert bench.fates == {}
        await bench.loop.advance(PATIENCE * 0.2)
        assert {number: type(error) for number, error in bench.fates.items()} == dict.fromkeys(behind, OverloadedError)
        await bench.loop.advance(SLOWLY)
        assert isinstance(bench.fates[late], OverloadedError)
        bench.journal.free.set()
        assert await bench.until_decided(inside) is None
        assert bench.telemetry.tally.counted == 1

    bench.run(story)


def test_a_post_that_comes_while_the_disk_hangs_is_told_so_at_once(bench: Bench) -> None:
    """It hangs once a second is over, and does not when it is free again."""

    async def story(bench: Bench) -> None:
        inside = await bench.until_it_hangs()
        assert not bench.committer.hangs()
        await bench.loop.advance(SLOWLY)
        assert bench.committer.hangs()
        assert not bench.committer.ready()
        bench.journal.free.set()
        await bench.until_decided(inside)
        await eventually(lambda: not bench.committer.hangs())
        assert bench.committer.ready()
        assert await bench.until_decided(bench.post()) is None

    bench.run(story)


def test_a_scrape_while_the_disk_hangs_shows_what_the_one_before_did(bench: Bench) -> None:
    """So does the landing page; neither waits."""

    async def story(bench: Bench) -> None:
        await bench.until_decided(bench.post())
        shown = (await asyncio.to_thread(bench.committer.view, True)).shown
        told = await asyncio.to_thread(bench.committer.newest)
        await bench.until_it_hangs()
        assert (await asyncio.to_thread(bench.committer.view, True)).shown == shown
        assert await asyncio.to_thread(bench.committer.newest) == told
        assert [heard.events for heard in told.versions] == [1]

    bench.run(story)


def test_a_scrape_that_left_before_its_commit_had_ended_is_shown_by_the_next(bench: Bench) -> None:
    """The ledger takes it for shown, so it must be: a series that moved on must not skip what was to be seen."""

    async def story(bench: Bench) -> None:
        await bench.until_decided(bench.post())
        bench.journal.free.clear()
        begun = bench.journal.begun
        left = await asyncio.to_thread(bench.committer.view, True)
        assert bench.journal.begun == begun + 1, "the scrape has nothing to commit"
        assert left.shown == {}
        bench.journal.free.set()
        await bench.until_decided(bench.post())
        following = await asyncio.to_thread(bench.committer.view, True)
        assert sum(following.shown.values()) == 1, "the abandoned one, not another"
        assert sum((await asyncio.to_thread(bench.committer.view, True)).shown.values()) == 2

    bench.run(story)


def test_a_commit_that_fails_is_heard_of_by_all_in_it(bench: Bench) -> None:
    """Nothing of them is counted; the next commit is tried anew, and readiness finds out by one of nothing."""

    async def story(bench: Bench) -> None:
        bench.journal.fails = True
        numbers = [bench.post() for _ in range(3)]
        assert {type(await bench.until_decided(number)) for number in numbers} == {StorageUnavailableError}
        bench.journal.fails = False
        assert await bench.until_decided(bench.post()) is None
        assert bench.telemetry.tally.counted == 1

    bench.run(story)


def test_a_quiet_app_is_counted_before_the_backlog_of_a_noisy_one(bench: Bench) -> None:
    """Its post is in the next commit, though fifty large ones came before."""

    async def story(bench: Bench) -> None:
        for app_id in ("com.example.noisy", "com.example.quiet"):
            await bench.until_decided(bench.post(app_id))
        await bench.until_it_hangs()
        noisy = [bench.post("com.example.noisy", events=1000) for _ in range(50)]
        quiet = bench.post("com.example.quiet")
        bench.journal.free.set()
        assert await bench.until_decided(quiet) is None
        assert noisy[-1] not in bench.fates
        assert await bench.until_decided(noisy[-1]) is None

    bench.run(story)


def test_forged_apps_share_one_place(bench: Bench) -> None:
    """A name of its own for each post gives nobody a turn of his own."""

    async def story(bench: Bench) -> None:
        for app_id in ("com.example.real", "com.example.other"):
            await bench.until_decided(bench.post(app_id))
        await bench.until_it_hangs()
        forged = [bench.post(f"com.forged.app{number}", events=1000) for number in range(50)]
        real = bench.post("com.example.real")
        bench.journal.free.set()
        assert await bench.until_decided(real) is None
        assert forged[-1] not in bench.fates

    bench.run(story)


def test_the_hours_pass_for_devices_whoever_looks_and_whatever_the_disk_takes(tmp_path: Path) -> None:
    """After a start, between scrapes, and while each commit fails."""
    now = 1_800_000_000.0
    limits = Limits(1e9, 150.0, 10_000, 1000, BudgetLimits(2, 10, 10_000), devices=10)

    def started(journal: Journal) -> Committer:
        committer = Committer(Ledger(limits), journal, Telemetry(), (), clock=lambda: now)
        committer.load()
        return committer

    def post(device: str) -> Post:
        body = json.dumps({"app_id": "com.example.app", "action": "set", "device_id": device}).encode()
        return Post(Arrival(body, "", lambda _: None, 0.0), decode(body, 1), policy(()), fingerprinter(bytes(16)))

    def active(committer: Committer, scrape: bool) -> list[int]:
        windows = committer.view(scrape).devices.running.values()
        return [sum(versions.values()) for versions in windows]

    journal = disk(tmp_path)
    committer = started(journal)
    committer.count([post("a")])
    now += 8 * 86400
    committer.count([post("b")])
    journal.close()

    journal = disk(tmp_path)
    committer = started(journal)
    assert active(committer, scrape=False) == [1, 1, 2]  # as it was loaded: nobody answers yet
    committer.start()
    assert active(committer, scrape=False) == [1, 1, 2]
    now += 2 * 86400
    assert active(committer, scrape=False) == [0, 1, 2]
    now += 21 * 86400
    journal.fails = True
    assert active(committer, scrape=True) == [0, 0, 1]
    committer.stop(60)


def test_a_start_on_a_disk_that_takes_nothing_says_so_if_devices_have_to_leave(tmp_path: Path) -> None:
    """As it does where fingerprints have to."""
    journal = disk(tmp_path)
    journal.load(lambda _: None)
    journal.commit(Changes(1e9, devices={1: 2**40, 2: 2**40}))
    journal.close()
    journal = disk(tmp_path)
    journal.fails = True
    limits = Limits(1e9, 0.0, 10_000, 1000, BudgetLimits(2, 10, 10_000), devices=1)

    with pytest.raises(LedgerError, match="can't hold the ledger") as error:
        Committer(Ledger(limits), journal, Telemetry(), (), clock=lambda: 1e9).load()
    assert error.value.name == "data_dir_unusable"
    journal.close()


def test_a_stop_counts_what_was_handed_over(tmp_path: Path) -> None:
    """And closes the ledger, whose next start has it all."""
    bench = Bench(tmp_path)

    async def story(bench: Bench) -> None:
        inside = await bench.until_it_hangs()
        bench.journal.free.set()
        bench.committer.stop(60)
        assert await bench.until_decided(inside) is None

    bench.run(story)
    bench.loop.close()
    again = Bench(tmp_path)
    assert sum(heard.events for heard in again.committer.newest().versions) == 1
    again.committer.stop(60)
    again.loop.close()


def test_at_the_end_no_event_log_waits_for_another(tmp_path: Path) -> None:
    """Each may take seconds to give up, and the exporter has only so many."""
    together = threading.Barrier(3)

    class Slow:
        def offer(self, record: Record) -> None:
            pass

        def close(self) -> None:
            together.wait(60)

    journal = Journal(tmp_path, "process", 1000, 3600.0)
    ledger = Ledger(Limits(3600.0, 0.0, 10_000, 1000, BudgetLimits(2, 10, 10_000)))
    committer = Committer(ledger, journal, Telemetry(), [Slow(), Slow(), Slow()])
    committer.load()
    committer.start()
    committer.stop(60)

    assert not together.broken


def test_a_stop_leaves_a_disk_behind_that_hangs(bench: Bench) -> None:
    """What waits for it was not acknowledged."""

    async def story(bench: Bench) -> None:
        await bench.until_it_hangs()
        bench.committer.stop(0.01)
        assert bench.fates == {}

    bench.run(story)
