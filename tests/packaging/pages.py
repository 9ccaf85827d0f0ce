"""The pages of commands that somebody copies into a shell: which commands, under which heading."""

from __future__ import annotations

import re
from pathlib import Path


def fences(page: Path, language: str) -> dict[str, str]:
    """The blocks of a language, by the heading that they stand under; several under one become one."""
    found: dict[str, str] = {}
    heading, inside = "", False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            inside = line == f"```{language}"
        elif inside:
            found[heading] = found.get(heading, "") + line + "\n"
        elif match := re.match(r"#+ (.*)", line):
            heading = match[1]
    return found
