"""The locked requirements install the same files everywhere, from whichever index a machine uses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.project import ROOT

LOCKS = ROOT / ".ci/requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
RUN = PROJECT["project"]["dependencies"] + EXTRAS["simulate"]
WANTED = {
    "run.txt": RUN,
    "build.txt": GROUPS["build"],
    "test.txt": RUN + EXTRAS["fast"] + GROUPS["build"] + GROUPS["test"],
}


def entries(lock: str) -> list[str]:
    """One text per locked package, its continuation lines joined."""
    return (LOCKS / lock).read_text().replace("\\\n", " ").splitlines()


def versions(lock: str) -> dict[str, str]:
    """Locked version by package."""
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (LOCKS / lock).read_text()))


@pytest.mark.parametrize("lock", WANTED)
def test_every_locked_package_has_one_version_and_its_hashes(lock: str) -> None:
    """And nothing else stands in the file: no option, no index, no address."""
    for entry in entries(lock):
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^-]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", entry), entry


@pytest.mark.parametrize("lock", WANTED)
def test_the_lock_holds_what_the_project_asks_for(lock: str) -> None:
    """Each requirement of pyproject.toml, in a version that satisfies it; `make lock` brings them together again."""
    locked = versions(lock)
    for requirement in map(Requirement, WANTED[lock]):
        assert requirement.specifier.contains(locked[requirement.name.lower()]), f"{lock}: {requirement}"


def test_what_is_tested_is_what_runs() -> None:
    """The tests' environment has the very versions that a user gets."""
    tested = versions("test.txt").items()
    assert versions("run.txt").items() <= tested
    assert versions("build.txt").items() <= tested


def test_the_locks_fit_any_machine() -> None:
    """Compiled packages come with the hashes of several platforms' wheels."""
    for compiled in ("msgspec", "pydantic-core"):
        [entry] = [entry for entry in entries("run.txt") if entry.startswith(compiled)]
        assert entry.count("--hash") > 10, compiled


def test_all_locks_are_known_here() -> None:
    """A new one is tested too."""
    assert {path.name for path in Path(LOCKS).iterdir()} == WANTED.keys()
