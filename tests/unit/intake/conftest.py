"""What the tests of the committer share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.committing import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.free.set()
    bench.committer.stop(60)
    bench.loop.close()
