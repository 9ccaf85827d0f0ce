"""Carries out a Dockerfile's steps without an engine: in a directory that stands for the image's root."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.packaging.project import ROOT


class Step(NamedTuple):
    """An instruction in capitals, and the rest of its line."""

    instruction: str
    text: str


class Image:
    """What the Dockerfile's last stage describes, its files under `root` at the places that they have in the image."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: dict[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        self.user = ""
        self.workdir = Path("/")
        self.entrypoint: list[str] = []
        self.healthcheck: list[str] = []

    def path(self, inside: str | Path) -> Path:
        """Where an absolute path of the image is on this machine."""
        return self.root / str(inside).lstrip("/")

    def here(self, text: str) -> str:
        """The same text with each absolute path of the image replaced by where it is on this machine."""
        return re.sub(r"(?<![\w./:*-])/(?=\w)", f"{self.root}/", text)


def stages() -> list[list[Step]]:
    """The Dockerfile's stages, each beginning with its FROM."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text()))
    found: list[list[Step]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append(Step(instruction, rest.strip()))
    return found


def build(directory: Path) -> Image:
    """Carry out a build stage and the final stage; AssertionError if a step fails or is of a kind unknown here."""
    first, last = stages()
    image = Image(directory / "root")
    _build_stage(first, image, _context(directory / "context"), _interpreter(directory / "python"))
    shutil.rmtree(directory / "context")
    shutil.rmtree(directory / "python")
    _final_stage(last, image)
    return image


def _context(directory: Path) -> Path:
    """What .dockerignore lets through: nothing but the paths after an exclamation mark."""
    everything, *patterns = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert everything == "*"
    ignored = [pattern.removeprefix("**/") for pattern in patterns if not pattern.startswith("!")]
    for path in (pattern[1:] for pattern in patterns if pattern.startswith("!")):
        _copy(ROOT / path, directory / path, ignored)
    return directory


def _interpreter(directory: Path) -> Path:
    """Stands for the image's own Python: an environment of its own, in which steps may install."""
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    return directory / "bin"


def _build_stage(steps: list[Step], image: Image, context: Path, python: Path) -> None:
    environment = os.environ | {"PATH": f"{python}:{os.environ['PATH']}", "PYTHONPATH": ""}
    workdir = image.root
    for instruction, text in steps[1:]:
        match instruction:
            case "WORKDIR":
                workdir = image.path(text)
                workdir.mkdir(parents=True)
            case "COPY":
                *sources, target = text.split()
                for source in sources:
                    into = target.endswith("/")
                    _copy(context / source, workdir / target / (Path(source).name if into else ""), [])
            case "RUN":
                done = subprocess.run(
                    ["sh", "-c", image.here(text)],
                    cwd=workdir,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"RUN {text}\n{done.stdout}{done.stderr}"
            case _:
                raise AssertionError(f"a build stage has no use for {instruction}")


def _final_stage(steps: list[Step], image: Image) -> None:
    _drop_all_but([image.path(_kept(step.text)) for step in steps if step.instruction == "COPY"], image.root)
    for instruction, text in steps[1:]:
        match instruction:
            case "ENV":
                image.environment |= _variables(text, image)
            case "USER":
                image.user = text
            case "WORKDIR":
                image.workdir = image.path(text)
            case "ENTRYPOINT":
                image.entrypoint = json.loads(text)
            case "HEALTHCHECK":
                image.healthcheck = json.loads(text.partition("CMD ")[2])
            case _:
                assert instruction in {"COPY", "VOLUME", "EXPOSE"}, f"{instruction} is unknown here"


def _kept(copy: str) -> str:
    """The path that a COPY brings from the build stage, to the place where it was."""
    *options, source, target = copy.split()
    assert "--from=build" in options, f"COPY {copy}: only what was built belongs in the image"
    assert source == target, f"COPY {copy}: a virtual environment can't be moved"
    return source


def _drop_all_but(kept: list[Path], root: Path) -> None:
    for path in root.iterdir():
        if not any(keep.is_relative_to(path) for keep in kept):
            shutil.rmtree(path)


def _variables(text: str, image: Image) -> dict[str, str]:
    pairs = (word.split("=", 1) for word in text.split())
    return {name: image.here(value).replace("$PATH", image.environment["PATH"]) for name, value in pairs}


def _copy(source: Path, target: Path, ignored: list[str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignore = shutil.ignore_patterns(*ignored)
        shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)
    elif not any(fnmatch.fnmatch(source.name, pattern) for pattern in ignored):
        shutil.copy(source, target)
