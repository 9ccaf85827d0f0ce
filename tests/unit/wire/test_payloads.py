"""Each body in `tests/payloads` is counted as the file beside it says."""

from collections import Counter
from collections.abc import Iterable

import pytest

from exporter.counting.budgets import Limits as BudgetLimits
from exporter.counting.draft import Draft
from exporter.counting.ledger import Ledger, Limits
from exporter.intake.post import Arrival, Post
from exporter.metrics.exposition import Exposer
from exporter.wire.events import decode
from exporter.wire.fingerprints import fingerprinter
from exporter.wire.labels import policy
from tests.support.fixtures import Fixture, load

MAX_BATCH = 1000
KEY = bytes(16)
NOW = 1.8e9
"""Seconds since the epoch: a little after the events, and long after the exits that some of them report."""
FIXTURES = load()
LINES = "3.3.20 4.6.2 4.61.11 5.2.35 5.9.5 5.50.1 6.14.26 6.51.16 7.18.14 7.51.21 8.4.3 8.45.11 8.51.23 9.0.0 10.0.0"


class Exporter:
    """Everything between a body and the text of `/metrics` but the disk, with the default budgets."""

    def __init__(self) -> None:
        self.ledger = Ledger(Limits(1e9, 0, 1000, 1_000_000, BudgetLimits(20, 100, 100_000)))
        self.label = policy(())
        self.ignored = 0
        self.duplicate = 0
        self.rejected: Counter[str] = Counter()

    def post(self, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            post = Post(Arrival(body, "", lambda _: None, 0.0), decode(body, MAX_BATCH), self.label, fingerprinter(KEY))
            draft = Draft(self.ledger, NOW)
            self.duplicate += draft.add(post.entries).count(None)
            self.ledger.apply(draft.changes)
            self.ignored += len(post.ignored)
            self.rejected.update(post.rejected.values())

    def samples(self) -> dict[str, float]:
        """Name and labels, as the text format has them, and value of all that is not 0."""
        self.ledger.apply(self.ledger.exposure(NOW))
        text = b"".join(Exposer().expose(self.ledger.view(), [], "").parts).decode()
        lines = [line.rpartition(" ") for line in text.split("\n") if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines if float(value)}


@pytest.mark.parametrize("fixture", FIXTURES, ids=str)
def test_each_body_is_counted_as_written_beside_it(fixture: Fixture) -> None:
    """No more, no less, and in no other series."""
    exporter = Exporter()
    exporter.post(fixture.bodies)

    assert exporter.samples() == fixture.samples
    assert exporter.ignored == fixture.ignored
    assert exporter.duplicate == fixture.duplicate
    assert exporter.rejected == fixture.rejected


def test_all_of_them_together_add_up() -> None:
    """One client's posts change nothing in what another's are counted as."""
    exporter = Exporter()
    expected: Counter[str] = Counter()
    for fixture in FIXTURES:
        exporter.post(fixture.bodies)
        expected.update(fixture.samples)

    assert exporter.samples() == expected
    assert exporter.ignored == sum(fixture.ignored for fixture in FIXTURES)
    assert exporter.duplicate == sum(fixture.duplicate for fixture in FIXTURES)
    assert exporter.rejected == sum((Counter(fixture.rejected) for fixture in FIXTURES), Counter())


def test_every_client_line_is_there() -> None:
    """A new client version is a new file, and an old one is still out there."""
    names = {fixture.name for fixture in FIXTURES}

    assert {f"{line}-{platform}" for line in LINES.split() for platform in ("android", "ios")} <= names
    assert {"0.1.0-react-native-android", "0.1.0-react-native-ios"} <= names
    assert {"0.0.6-electron", "8.51.23-android-worker", "documentation-example"} <= names
