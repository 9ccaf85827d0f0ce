"""The slow part of an installation, done by copying: what pip has put into the tests' own environment.

They are for one version of Python, which need not be the system's own `python3`, but has to be where the service can
run it: in nobody's home.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

from tests.packaging.project import ROOT
from tests.support.machine import PATH

MAKE = "python3 -m venv /opt/capgo-exporter\n"
INSTALL = re.compile(r"/opt/capgo-exporter/bin/pip install .*\n")
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def prepare(directory: Path) -> Path:
    """An environment's files, as the locked requirements and the project make them, but for its Python."""
    assert shutil.which(PYTHON, path=PATH), f"{PYTHON}, which runs the tests, has to be in one of {PATH}"
    packages = directory / f"lib/{PYTHON}/site-packages"
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
    script = script.replace(MAKE, MAKE.replace("python3 -m venv", f"{PYTHON} -m venv --without-pip"))
    return INSTALL.sub(f"cp -r {prepared}/. /opt/capgo-exporter/\n", script)
