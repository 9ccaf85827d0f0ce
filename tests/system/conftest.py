"""What system tests start from: one exporter that a module's tests share, and exporters of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.harness import Exporter

Launch = Callable[..., Exporter]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """A running exporter with the default settings; its counts are whatever the module's tests have posted so far."""
    with Exporter(tmp_path_factory.mktemp("exporter")) as running:
        yield running


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts an exporter with the settings given, its data in the test's own directory; all end with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Exporter(tmp_path, **settings))
