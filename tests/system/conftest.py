"""What system tests start from: one exporter that a module's tests share, and exporters of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.harness import Exporter

Launch = Callable[..., Exporter]

SERVERS = ("waitress", "granian")
OVER_THE_WIRE = pytest.mark.servers(*SERVERS)
"""For what depends on the public port's server: its clients' bytes, connections and pace, and its end."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test runs once for each server of its `servers` mark; without one, with the default only.

    What happens behind the server (ledger, budgets, metrics, files) is the same code whichever it is.
    """
    if "server" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("servers")
        metafunc.parametrize("server", mark.args if mark else SERVERS[:1], scope="module")


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[Exporter]:
    """A running exporter with the default settings; its counts are whatever the module's tests have posted so far."""
    with Exporter(tmp_path_factory.mktemp("exporter"), server=server) as running:
        yield running


@pytest.fixture
def launch(tmp_path: Path, server: str) -> Iterator[Launch]:
    """Starts an exporter with the settings given, its data in the test's own directory; all end with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Exporter(tmp_path, server=server, **settings))
