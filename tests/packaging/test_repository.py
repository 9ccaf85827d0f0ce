"""What the repository holds: known things at its top, and nothing of the machine it was written on."""

from __future__ import annotations

import re
from pathlib import Path

from tests.packaging.project import ROOT, run, succeed

TOP = {
    ".ci",
    ".dockerignore",
    ".gitignore",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.ja.md",
    "README.md",
    "dashboards",
    "docker-compose.yml",
    "exporter",
    "pyproject.toml",
    "tests",
}
# Brackets keep these patterns from finding themselves.
INDEX_HOSTS = r"pypi[.]org|python[h]osted|npmjs[.](org|com)|deb[.]debian[.]org|registry[.]npm"
MACHINE_PATHS = r"(?<![\w.])/(work|root|home/\w+)/|/tmp/[a-z]|[.][.]/shared"


def files() -> list[Path]:
    """What git tracks or would track."""
    names = succeed(
        "git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"
    ).splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_top_level_holds_what_is_expected() -> None:
    """A newcomer sees the whole at a glance; SECURITY.md may join."""
    assert {path.relative_to(ROOT).parts[0] for path in files()} - {"SECURITY.md"} == TOP


def test_no_file_names_a_package_index_or_a_path_of_a_machine() -> None:
    """Any machine's own configuration says where packages come from."""
    pattern = re.compile(f"{INDEX_HOSTS}|{MACHINE_PATHS}")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files()
        if (match := pattern.search(path.read_bytes().decode(errors="replace")))
    ]
    assert found == []


def test_a_missing_package_is_named_where_it_can_not_be_installed(tmp_path: Path) -> None:
    """Without apt-get the script says what is missing and fails; what is there already is not mentioned."""
    for tool in ("bash", "env", "sh"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = run(ROOT / ".ci/debian-packages", "bash", "caddy", "prometheus", env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "Missing: caddy prometheus" in done.stderr
