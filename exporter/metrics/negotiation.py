"""Which form of a scrape a client asks for: whatever its headers say, the answer is one that we have."""

from typing import Final

from falcon import mediatypes

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"
TEXT: Final = "text/plain; version=0.0.4"


def format_of(accept: str) -> str:
    """`OPENMETRICS` if the `Accept` header would rather have that, else `TEXT`; in the version that is ours."""
    return OPENMETRICS if _quality(OPENMETRICS, accept) > _quality(TEXT, accept) else TEXT


def _quality(media_type: str, accept: str) -> float:
    try:
        return mediatypes.quality(media_type, accept.lower())
    except ValueError:  # none that anybody could read, or none at all
        return 0.0


def wants_gzip(accept_encoding: str) -> bool:
    """Whether the `Accept-Encoding` header takes gzip."""
    weights = dict(map(_coding, accept_encoding.lower().split(",")))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _coding(text: str) -> tuple[str, float]:
    name, _, parameter = text.partition(";")
    key, equals, weight = parameter.partition("=")
    try:
        return name.strip(), float(weight) if key.strip() == "q" and equals else 1.0
    except ValueError:
        return name.strip(), 0.0
