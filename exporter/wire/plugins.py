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


def fails_without_update(platform: str | None, version: str | None) -> bool:
    """Whether this plugin sends `download_fail` at every launch that finds no update.

    Plugins before 6.14.25 and 7.17.0 do, the two accidental releases among them; 5.43 and later are backports of the
    newer code. Electron and React Native count their own versions from 0.0.1 and 0.1.0, and do not.
    """
    if platform not in ("android", "ios"):
        return False
    release = number(version or "")
    return (
        release is None
        or version in ACCIDENTAL
        or release < (5, 43, 0)
        or (6, 0, 0) <= release < (6, 14, 25)
        or (7, 0, 0) <= release < (7, 17, 0)
    )
