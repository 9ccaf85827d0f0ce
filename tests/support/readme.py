"""README, as those read it who take it at its word: its commands, its tables, its links."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
HOST = "https://stats.example.com"
"""What README calls the reader's own address."""


def blocks(path: Path, language: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def commands(path: Path, program: str) -> list[str]:
    """The lines that are to be typed and begin with a program's name."""
    lines = [line for block in blocks(path, "console") for line in block.splitlines()]
    return [line for line in lines if line.split()[:1] == [program]]


def table(path: Path, first: str) -> dict[str, list[str]]:
    """The rows of the table whose first column has this title, by their first cell, without the marks of code there."""
    found = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", path.read_text(), re.MULTILINE)
    assert found, f"{path.name} has no table that begins with {first!r}"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows}
