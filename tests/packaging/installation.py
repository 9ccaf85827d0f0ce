"""The slow part of an installation, done by copying: what pip has put into the tests' own environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.packaging.project import ROOT

MAKE = "python3 -m venv /opt/capgo-exporter\n"
INSTALL = re.compile(r"/opt/capgo-exporter/bin/pip install .*\n")
PYTHON = "/usr/bin/python3"


def prepare(directory: Path) -> Path:
    """An environment's files, as the locked requirements and the project make them, but for its Python."""
    version = subprocess.run(
        [PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=True
    )
    if version.stdout.split() != [str(part).encode() for part in sys.version_info[:2]]:
        pytest.skip(f"{PYTHON} is another Python than that of the tests, whose packages are copied")
    packages = directory / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    for name in re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / ".ci/requirements/run.txt").read_text()):
        for file in distribution(name).files or []:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), packages / file)
    shutil.copytree(ROOT / "exporter", packages / "exporter", ignore=shutil.ignore_patterns("__pycache__"))
    _write_command(directory / "bin/capgo-exporter")
    _write_metadata(packages)
    return directory


def _write_command(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("#!/opt/capgo-exporter/bin/python3\nimport sys\nfrom exporter.cli import main\nsys.exit(main())\n")
    path.chmod(0o755)


def _write_metadata(packages: Path) -> None:
    own = distribution("capgo-exporter")
    folder = packages / f"capgo_exporter-{own.version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(own.read_text("METADATA") or "")


def quickened(script: str, prepared: Path) -> str:
    """The same script without the wait: Debian's packages are there, and Python's are copied instead of fetched."""
    script = re.sub(r"(?m)^apt-get .*$", "true", script)
    script = script.replace(MAKE, MAKE.replace("venv ", "venv --without-pip "))
    return INSTALL.sub(f"cp -r {prepared}/. /opt/capgo-exporter/\n", script)
