"""How much of a client's text may be remembered beyond its post."""

from typing import Final

APP_ID_LENGTH: Final = 128
VERSION_LENGTH: Final = 64

CUT: Final = max(APP_ID_LENGTH, VERSION_LENGTH) + 1
"""Characters of a text that are looked at: what is longer than a label may be stays so, and no word of ours is."""


class TooLongError(Exception):
    """A text is longer than matters, so nothing is remembered by it."""


def check(*texts: str | None) -> None:
    """Raises `TooLongError` if one of them is."""
    if any(text is not None and len(text) > CUT for text in texts):
        raise TooLongError
