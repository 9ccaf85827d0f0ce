"""One thing at a time, and nobody waits for longer than he said."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from exporter.intake.turns import PATIENCE, BusyError, Turns, answered, result

now = 0.0


@pytest.fixture
def turns() -> Iterator[Turns]:
    turns = Turns(lambda: now)
    yield turns
    assert turns.stop(60)


@pytest.fixture
def held(turns: Turns) -> Iterator[threading.Event]:
    """What is being done goes on until this is set."""
    free, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        free.wait()

    turns.add(hold)
    turns.start()
    begun.wait()
    yield free
    free.set()


def test_what_is_asked_is_answered_in_turn(turns: Turns) -> None:
    """Or raises for who asked, and for nobody else."""
    turns.start()
    done: list[str] = []
    turns.add(lambda: done.append("first"))
    assert result(turns.ask(lambda: [*done], 60)) == ["first"]
    with pytest.raises(ZeroDivisionError):
        result(turns.ask(lambda: 1 // 0, 60))
    assert result(turns.ask(lambda: 1, 60)) == 1


def test_who_has_no_turn_in_time_is_told_so_and_his_question_dropped(turns: Turns, held: threading.Event) -> None:
    """What began is another matter: it goes on, and its answer may come later."""
    asked: list[str] = []
    future = turns.ask(lambda: asked.append("in vain"), 0)
    assert not answered(future)
    with pytest.raises(BusyError):
        result(future)
    held.set()
    turns.ask(lambda: None, 60)
    assert asked == []


def test_a_turn_hangs_once_a_post_would_wait_for_too_long(
    turns: Turns, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the monotonic clock; and no longer than it lasts."""
    monkeypatch.setitem(globals(), "now", PATIENCE)
    assert not turns.hangs()
    monkeypatch.setitem(globals(), "now", PATIENCE * 1.1)
    assert turns.hangs()
    held.set()
    turns.ask(lambda: None, 60)
    assert not turns.hangs()


def test_progress_is_shown_in_turn_and_once_however_often_it_is_asked_for(turns: Turns, held: threading.Event) -> None:
    """Thousands of signs of life that wait behind a disk would be its next hour's work."""
    shown: list[str] = []
    turns.on_progress = lambda: shown.append("alive")
    for _ in range(1000):
        turns.show_progress()
    assert shown == []
    held.set()
    turns.ask(lambda: None, 60)
    assert shown == ["alive"]
    turns.show_progress()
    turns.ask(lambda: None, 60)
    assert shown == ["alive"] * 2


def test_a_stop_finishes_what_waits(turns: Turns) -> None:
    """In the order in which it came."""
    done: list[int] = []
    for number in range(10):
        turns.add(lambda number=number: done.append(number))  # type: ignore[misc]
    turns.start()
    assert turns.stop(60)
    assert done == [*range(10)]


def test_a_stop_leaves_behind_what_hangs(turns: Turns, held: threading.Event) -> None:
    """And says so."""
    assert not turns.stop(0.01)
    held.set()
