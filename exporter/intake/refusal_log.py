"""What is refused is logged, without a word that a stranger chose."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import structlog

_LONGEST: Final = 64
"""Characters of an address and its zone; a header may hold thousands, which must not be kept."""

_log = structlog.get_logger("refusals")


def note_refusal(reason: str, client: str, number: int = 1) -> None:
    """A request or some events were refused; `client` is the address it came from, or what claims to be one.

    May be called at any rate: the log itself sees to how many lines become of it.
    """
    _log.warning("refused", reason=reason, number=number, newest_from=_address(client[:_LONGEST]))


@lru_cache(256)
def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip().partition("%")[0]))  # a zone may be any text
    except ValueError:
        return "unknown"
