"""README in each language, as those read it who take it at its word: its commands, its tables, its links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
HOST = "https://stats.example.com"
"""What README calls the reader's own address."""


class Readme(NamedTuple):
    """One of them; the titles of what leads its tables of fields, settings and replies, and its words for types."""

    path: Path
    field: str
    flag: str
    case: str
    types: Mapping[type, str]

    @property
    def text(self) -> str:
        return self.path.read_text()

    def blocks(self, language: str = "[a-z]*") -> list[str]:
        """The blocks of code, of one language or of any."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.DOTALL | re.MULTILINE)

    def commands(self, program: str) -> list[str]:
        """The lines that are to be typed and begin with a program's name."""
        lines = [line for block in self.blocks("console") for line in block.splitlines()]
        return [line for line in lines if line.split()[:1] == [program]]

    def table(self, first: str) -> dict[str, list[str]]:
        """The rows of the table whose first column has this title, by their first cell without its marks of code."""
        found = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", self.text, re.MULTILINE)
        assert found, f"{self.path.name} has no table that begins with {first!r}"
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]
        return {row[0].strip("`"): row[1:] for row in rows}

    def tables(self) -> list[dict[str, list[str]]]:
        """Those that every language has."""
        return [self.table(first) for first in (self.field, self.flag, self.case)]


ENGLISH = Readme(
    ROOT / "README.md",
    "field",
    "flag",
    "case",
    {str: "string", bool: "boolean", int: "integer", dict: "object of strings"},
)
JAPANESE = Readme(
    ROOT / "README.ja.md",
    "フィールド",
    "フラグ",
    "場合",
    {str: "文字列", bool: "真偽値", int: "整数", dict: "文字列のオブジェクト"},
)
READMES = (ENGLISH, JAPANESE)


def code(text: str) -> list[str]:
    """What is written as code in a line."""
    return re.findall(r"`[^`]+`", text)


def anchors(page: str) -> set[str]:
    """What links to a page in Markdown may name behind their `#`: its headings, as code forges make them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
