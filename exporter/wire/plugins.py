"""Plugin versions: what the number that a client gives of itself says about its code."""

import re
from typing import Final

ACCIDENTAL: Final = frozenset({"9.0.0", "10.0.0"})
"""Two releases of May 2023 with the code of 5.0. npm takes neither number again, so others of those majors are real."""

Number = tuple[int, int, int]

_NUMBER: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?!\d)", re.ASCII)


def number(version: str) -> Number | None:
    """Major, minor and patch, without what may follow them; `None` if a version does not begin with them."""
    match = _NUMBER.match(version)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))
