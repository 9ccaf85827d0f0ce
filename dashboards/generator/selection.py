"""What PromQL about some versions begins with: which of them, and how far back."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Selection:
    """`name` is that of a metric, or how the names of several begin; `window` is a duration."""

    name: str
    window: str
    matchers: tuple[str, ...] = ()

    def where(self, *matchers: str) -> Self:
        return replace(self, matchers=(*self.matchers, *matchers))

    def over(self, window: str) -> Self:
        return replace(self, window=window)
