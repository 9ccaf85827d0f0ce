"""Which form of a scrape a client asks for: whatever its headers say, the answer is one that we have."""

import re
from collections.abc import Iterator
from typing import Final

from falcon import mediatypes

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"
TEXT: Final = "text/plain; version=0.0.4"

_LONGEST: Final = 8192
"""Characters of a header that are read; scrapers send some hundred."""


def format_of(accept: str) -> str:
    """`OPENMETRICS` if the `Accept` header would rather have that, else `TEXT`; in the version that is ours."""
    ranges = [*filter(_is_readable, accept[:_LONGEST].lower().split(","))]
    return OPENMETRICS if _quality(OPENMETRICS, ranges) > _quality(TEXT, ranges) else TEXT


def _is_readable(media_range: str) -> bool:
    """One that is not spoils no other."""
    try:
        mediatypes.quality(TEXT, media_range)
    except ValueError:
        return False
    return True


def _quality(media_type: str, ranges: list[str]) -> float:
    return mediatypes.quality(media_type, ",".join(ranges)) if ranges else 0.0


def wants_gzip(accept_encoding: str) -> bool:
    """Whether the `Accept-Encoding` header takes gzip, and would not rather have none."""
    weights = dict(_codings(accept_encoding[:_LONGEST].lower()))
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return 0 < gzip >= weights.get("identity", 0.0)


def _codings(header: str) -> Iterator[tuple[str, float]]:
    for member in header.split(","):
        name, *parameters = (part.strip() for part in member.split(";"))
        yield name, min(map(_weight, parameters), default=1.0)


def _weight(parameter: str) -> float:
    key, _, weight = (part.strip() for part in parameter.partition("="))
    if key != "q":
        return 1.0
    return float(weight) if re.fullmatch(r"[01](\.[0-9]*)?", weight) else 0.0
