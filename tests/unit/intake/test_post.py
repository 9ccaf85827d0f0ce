"""What becomes of the elements of a body."""

from exporter.intake.post import Arrival, Post
from exporter.wire.events import Batch, Event, Rejected
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import Series, policy


def test_what_cant_be_counted_keeps_its_place_and_its_neighbours_count() -> None:
    """Positions are those in the body, for the reply and for the event log."""
    event = Event(app_id="com.acme.notes", action="set", timestamp=1)
    formless = Event(app_id="notes", action="set", timestamp=2)
    legacy = Event(app_id="com.acme.notes", action="download_fail", platform="ios", plugin_version="5.0.0", timestamp=3)
    items: list[Event | Rejected] = [event, Rejected("not_an_object"), formless, legacy, event]
    post = Post(Arrival(b"", "", lambda _: None, 0.0), Batch(items, array=True), policy(()), fingerprinter(bytes(16)))

    assert post.rejected == {1: "not_an_object", 2: "invalid_app_id"}
    assert post.ignored == ["legacy_download_fail"]
    assert post.positions == [0, 4]
    (first, last) = post.entries.series
    assert isinstance(first, Series)
    assert first is last
    assert len(set(post.entries.fingerprints)) == 2, "equal ones of a body are two"
