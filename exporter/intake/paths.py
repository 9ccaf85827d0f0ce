"""Where posts go: `/stats` and `/`, or `/<token>/stats` with one of the tokens there are, and nowhere else."""

from collections.abc import Callable, Collection
from functools import partial
from hmac import compare_digest


class StatsPaths:
    """The paths of the stats resource. How long a comparison takes tells nothing of a token."""

    def __init__(self, tokens: Collection[str]) -> None:
        """Without tokens everybody may post."""
        self.routes: tuple[str, ...] = ("/{token}/stats",) if tokens else ("/stats", "/")
        self._tokens = [token.encode() for token in tokens]
        places = [f"/{token}/stats" for token in tokens] or ["/stats", ""]
        paths = [path.encode() for place in places for path in (place, f"{place}/") if path]
        self.has: Callable[[bytes], bool] = partial(_equals_one, paths) if tokens else frozenset(paths).__contains__
        """Whether a request's target is one of them; one that is written otherwise, Falcon finds."""

    def admits(self, token: str) -> bool:
        """Whether the token of a path is right."""
        return not self._tokens or _equals_one(self._tokens, token.encode("utf-8", "replace"))


def _equals_one(wanted: Collection[bytes], value: bytes) -> bool:
    equal = False
    for each in wanted:
        equal |= compare_digest(value, each)
    return equal
