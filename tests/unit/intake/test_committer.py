"""What is committed, and what others are told; the test owns the clocks."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.changes import Changes
from exporter.counting.ledger import Ledger, Limits
from exporter.eventlog.record import Record
from exporter.intake.committer import Committer
from exporter.intake.post import Arrival, Post
from exporter.metrics.telemetry import Telemetry
from exporter.storage.errors import LedgerError, StorageUnavailableError
from exporter.storage.journal import Journal
from exporter.wire.events import decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy
from tests.support.committing import Bench, disk


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
        await bench.until_decided(bench.post("com.example.another"))
        following = await asyncio.to_thread(bench.committer.view, True)
        assert sum(following.shown.values()) == 1, "what had moved on, and nothing else"
        assert sum((await asyncio.to_thread(bench.committer.view, True)).shown.values()) == 2

    bench.run(story)


def test_no_scrape_shows_less_than_one_before_it_on_a_disk_that_hangs_now_and_then(bench: Bench) -> None:
    """Prometheus would take that for a reset, and add all that was counted once more.

    One scrape leaves; a person looks, and sees more; the next scrape leaves with what they saw; the disk is free again.
    """

    async def story(bench: Bench) -> None:
        view = bench.committer.view
        await bench.until_decided(bench.post())
        bench.journal.free.clear()
        seen = [await asyncio.to_thread(view, True)]
        bench.journal.free.set()
        await bench.until_decided(bench.post())
        await asyncio.to_thread(view, False)
        held = await bench.until_it_hangs()
        seen.append(await asyncio.to_thread(view, True))
        bench.journal.free.set()
        await bench.until_decided(held)
        seen.append(await asyncio.to_thread(view, True))
        assert [sum(each.shown.values()) for each in seen] == [0, 2, 3]

    bench.run(story)


def test_a_data_directory_that_cannot_be_reached_does_not_fail_a_scrape(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share whose server has gone: now above all somebody has to read that nothing is counted."""
    stat = os.stat

    def unreachable(path: Any, **how: Any) -> os.stat_result:
        if str(path).startswith(str(bench.committer.directory)):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return stat(path, **how)

    async def story(bench: Bench) -> None:
        await bench.until_decided(bench.post())
        monkeypatch.setattr(os, "stat", unreachable)
        assert isinstance(await bench.until_decided(bench.post()), StorageUnavailableError)
        shown = await asyncio.to_thread(bench.committer.view, True)
        bench.committer.observe()
        assert shown.events == {"shown": 0, "held": 1, "dormant": 0, "forgotten": 0}
        assert not await asyncio.to_thread(bench.committer.ready)

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
