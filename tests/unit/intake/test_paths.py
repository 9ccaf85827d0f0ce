"""Where posts may go."""

from __future__ import annotations

import pytest

from exporter.intake.paths import StatsPaths


@pytest.mark.parametrize("path", [b"/stats", b"/stats/", b"/"])
def test_without_a_token_everybody_may_post(path: bytes) -> None:
    """With a slash too many as well."""
    assert StatsPaths(()).has(path)


def test_with_tokens_each_of_them_is_a_path_and_nothing_else_is() -> None:
    """Two are valid while one is replaced by the other."""
    paths = StatsPaths(("old-one", "new.one"))

    assert all(map(paths.has, (b"/old-one/stats", b"/old-one/stats/", b"/new.one/stats")))
    for path in (b"/stats", b"/", b"", b"/old-one", b"/old-one/stats/x", b"/other/stats", b"/old-one/STATS", b"\xff"):
        assert not paths.has(path)


@pytest.mark.parametrize("token", ["", "old", "old-one ", "OLD-ONE", "\udcff", "ö"])
def test_another_token_is_not_admitted(token: str) -> None:
    """Whatever it is made of."""
    assert not StatsPaths(("old-one",)).admits(token)
    assert StatsPaths(("old-one",)).admits("old-one")
