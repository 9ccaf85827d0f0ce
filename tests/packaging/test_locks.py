"""The locked requirements install the same files everywhere, from whichever index a machine uses."""

from __future__ import annotations

import json
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
RUN = PROJECT["project"]["dependencies"] + EXTRAS["simulate"] + EXTRAS["event-store"]
NPM_LOCKS = [Path(f"tests/{place}/package-lock.json") for place in ("bench/node", "packaging/node", "render")]
WANTED = {
    "run.txt": RUN,
    "build.txt": GROUPS["build"],
    "test.txt": RUN + GROUPS["build"] + GROUPS["test"],
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
    locks = (ROOT / "tests").rglob("package-lock.json")
    assert {path.relative_to(ROOT) for path in locks if "node_modules" not in path.parts} == set(NPM_LOCKS)


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=str)
def test_an_npm_lock_names_versions_and_hashes_but_no_address(lock: Path) -> None:
    """Each package that it holds, and what package.json asks for is among them in that very version."""
    wanted = json.loads((ROOT / lock).with_name("package.json").read_text())["dependencies"]
    packages = json.loads((ROOT / lock).read_text())["packages"]
    assert packages.pop("")["dependencies"] == wanted
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
