"""What shares a commit, and what waits behind one that hangs; the test owns the clocks."""

from __future__ import annotations

import asyncio
import gc

import pytest

from exporter.intake.gathering import OverloadedError
from exporter.intake.post import Post
from exporter.intake.turns import PATIENCE
from exporter.storage.errors import StorageUnavailableError
from tests.support.committing import SLOWLY, Bench
from tests.support.loops import eventually


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


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_post_outlives_its_answer(bench: Bench, fails: bool) -> None:
    """On a full disk neither, where posts of megabytes would wait for Python to look for garbage."""

    async def story(bench: Bench) -> None:
        bench.journal.fails = fails
        number = bench.post()
        await eventually(lambda: number in bench.fates)
        assert isinstance(bench.fates.pop(number), StorageUnavailableError) == fails
        await eventually(lambda: not any(isinstance(each, Post) for each in gc.get_objects()))

    gc.collect()
    gc.disable()
    try:
        bench.run(story)
    finally:
        gc.enable()


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
        assert not bench.gathering.hangs()
        await bench.loop.advance(SLOWLY)
        assert bench.gathering.hangs()
        assert not bench.committer.ready()
        bench.journal.free.set()
        await bench.until_decided(inside)
        await eventually(lambda: not bench.gathering.hangs())
        assert bench.committer.ready()
        assert await bench.until_decided(bench.post()) is None

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
