"""Who goes first when more has come than one commit takes, and who has waited for too long."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.post import Arrival, Post
from exporter.intake.waiting import Waiting
from exporter.wire.events import Batch, Event
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy

label, fingerprints = policy(()), fingerprinter(bytes(16))


def post(events: int = 1, started: float = 0.0) -> Post:
    """A post of so many events."""
    items = [Event(app_id="com.example.app", action="set")] * events
    return Post(Arrival(b"", "", lambda _: None, started), Batch(items, array=True), label, fingerprints)


def filled(*senders: str) -> tuple[Waiting, dict[Post, str]]:
    """Posts of one event each, and who sent them."""
    waiting, sent = Waiting(), {}
    for sender in senders:
        each = post()
        sent[each] = sender
        waiting.add(sender, each)
    return waiting, sent


def test_all_that_wait_are_taken_together() -> None:
    """So a slow disk costs time, and no posts."""
    waiting, sent = filled(*"aabacb")

    assert set(waiting.take(1000)) == sent.keys()
    assert not waiting


def test_a_quiet_app_goes_before_the_rest_of_a_noisy_one() -> None:
    """Though it came last."""
    waiting, sent = filled(*"a" * 1000, "b")

    assert [sent[each] for each in waiting.take(4)] == ["a", "b", "a", "a"]


def test_the_turn_goes_on_where_it_was() -> None:
    """From one commit to the next."""
    waiting, sent = filled(*"aaabbbccc")

    assert [sent[each] for each in waiting.take(2)] == ["a", "b"]
    assert [sent[each] for each in waiting.take(4)] == ["c", "a", "b", "c"]


def test_posts_of_one_app_keep_their_order() -> None:
    """Of a device, too, the first comes first."""
    waiting = Waiting()
    posts = [post(started=number) for number in range(10)]
    for each in posts:
        waiting.add("a", each)

    assert waiting.take(3) + waiting.take(100) == posts


def test_a_commit_takes_about_as_many_events_as_it_may() -> None:
    """A post is not cut; one without events is not free."""
    waiting = Waiting()
    for size in (400, 400, 400, 0, 0, 0):
        waiting.add("a", post(size))

    assert [each.elements for each in waiting.take(500)] == [400, 400]
    assert [each.elements for each in waiting.take(402)] == [400, 0, 0]


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 5), st.floats(0, 10))),
    st.lists(st.tuples(st.booleans(), st.integers(1, 8))),
)
def test_each_post_is_taken_once(came: list[tuple[str, int, float]], orders: list[tuple[bool, int]]) -> None:
    """In whatever order posts are taken, and refused as late."""
    waiting = Waiting()
    came.sort(key=lambda each: each[2])
    posts = []
    for sender, events, started in came:
        posts.append(post(events, started))
        waiting.add(sender, posts[-1])

    gone: list[Post] = []
    for late, number in orders:
        gone += waiting.take_late(number) if late else waiting.take(number)
    left = waiting.take(10**9)

    assert Counter(gone + left) == Counter(posts)
    assert not waiting


@given(st.lists(st.floats(0, 10)), st.floats(0, 10))
def test_exactly_the_late_ones_are_late(moments: list[float], before: float) -> None:
    """Whoever sent them."""
    waiting = Waiting()
    for number, moment in enumerate(sorted(moments)):
        waiting.add("abc"[number % 3], post(started=moment))

    assert all(each.arrival.started <= before for each in waiting.take_late(before))
    assert all(each.arrival.started > before for each in waiting.take(10**9))
