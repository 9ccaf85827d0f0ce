"""A body's events in runs are the same events, in their order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.wire.events import Event
from exporter.wire.runs import runs

ALIKE = (
    "app_id",
    "device_id",
    "platform",
    "install_source",
    "version_name",
    "version_build",
    "version_os",
    "plugin_version",
    "is_emulator",
    "is_prod",
)
TEXTS = st.sampled_from([None, "a", "b"])
EVENTS = st.lists(
    st.builds(
        Event,
        app_id=st.sampled_from(["com.acme.notes", "com.acme.till"]),
        action=st.sampled_from(["set", "get"]),
        device_id=TEXTS,
        platform=TEXTS,
        version_name=TEXTS,
        plugin_version=TEXTS,
        is_prod=st.sampled_from([None, True, False]),
        old_version_name=TEXTS,
        timestamp=st.sampled_from([None, 0, 1]),
        metadata=st.sampled_from([None, {}, {"k": "v"}]),
    )
    | st.builds(Event, app_id=st.just("com.acme.notes"), action=TEXTS.filter(bool), timestamp=st.integers(0, 9)),
    max_size=12,
)


def of_what_is_alike(event: Event) -> list[object]:
    return [getattr(event, name) for name in ALIKE]


@given(EVENTS)
def test_runs_are_the_events_in_their_order(events: list[Event]) -> None:
    """Each column has what its events have, and the first of a run stands for all of it."""
    at = 0
    for run in runs(events):
        told = zip(run.old_version_names, run.actions, run.timestamps, run.metadata, strict=True)
        assert run.first is events[at]
        for event, columns in zip(events[at:], told, strict=False):
            assert columns == (event.old_version_name, event.action, event.timestamp, event.metadata)
            assert of_what_is_alike(event) == of_what_is_alike(run.first)
        at += len(run.actions)
    assert at == len(events)


@given(EVENTS)
def test_a_run_ends_where_something_else_begins(events: list[Event]) -> None:
    """So there are no more of them than there must be."""
    firsts = [of_what_is_alike(run.first) for run in runs(events)]

    assert all(one != next_one for one, next_one in pairwise(firsts))
