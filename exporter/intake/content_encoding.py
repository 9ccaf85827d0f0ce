"""What the header Content-Encoding says: it is for compression, which no plugin uses, and some senders misread it."""

import re
from typing import Final

_PLAIN: Final = re.compile(
    r"(?:identity|none|binary|[78]bit|(?:charset\s*=\s*)?\"?(?:utf|ucs|unicode|ansi|us-ascii|ascii|iso|latin|windows|cp-?\d|koi8|euc|big5|gb|shift)[\w.:-]*\"?)?",
    re.ASCII | re.IGNORECASE,
)
"""Nothing, the coding that is none, what mail has for it, or a character set."""


def is_compressed(header: str) -> bool:
    """Whether a body with this Content-Encoding is something else than text; empty says that there was no header."""
    return not all(_PLAIN.fullmatch(coding.strip()) for coding in header.split(","))
