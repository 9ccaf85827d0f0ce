"""PromQL of the definitions that panels and alerts share.

All counters are added up by the wanted labels after `increase`, never before: right for any number of exporters, and
over restarts.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from dashboards.generator.selectors import ATTEMPTS, FAILURES, PLUGIN, selector

_Z: Final = 1.645
"""Standard deviations of a one-sided confidence of 95 %."""

_PLATFORMS: Final = "app_id, platform"
"""Where a device stays when it is rolled back."""


@dataclass(frozen=True)
class Events:
    """Events of a selection within a window."""

    metric: str
    window: str
    matchers: tuple[str, ...] = ()

    def where(self, *matchers: str) -> Self:
        return replace(self, matchers=(*self.matchers, *matchers))

    def over(self, window: str) -> Self:
        return replace(self, window=window)

    def selector(self, actions: str) -> str:
        """The counters of these actions (a regular expression)."""
        operator = "=" if actions.isidentifier() else "=~"
        return selector(self.metric, *self.matchers, f'action{operator}"{actions}"')

    def count(self, actions: str, by: str = "") -> str:
        """How many events, by the labels named."""
        return total(f"increase({self.selector(actions)}[{self.window}])", by)

    def per_bar(self, actions: str, by: str) -> str:
        """How many events in each bar of a graph; the bars add up to the count."""
        return f"{total(f'rate({self.selector(actions)}[$__rate_interval])', by)} * $__interval_ms / 1000"

    def attempts(self, by: str = "") -> str:
        """Times a version was set or failed to be; those set again by the rollback of another one are among them."""
        return self.where(PLUGIN).count(ATTEMPTS, by)

    def failures(self, by: str = "") -> str:
        return self.where(PLUGIN).count(FAILURES, by)

    def installs(self, by: str = "") -> str:
        return self.where(PLUGIN).count("set", by)

    def rollbacks(self, by: str = "") -> str:
        return self.where(PLUGIN).count("update_fail", by)

    def app_installs(self, by: str = "") -> str:
        """Installs over all versions, without the `set` by which a rollback puts the version before in place again.

        The rollback to the bundle that an app came with sends none, so there are at least as many as rollbacks. Only
        for a selection of all versions: in one of some, the `set` of a rollback may be that of a version left out.
        """
        rollbacks = self.rollbacks(_PLATFORMS)
        return total(f"{self.installs(_PLATFORMS)} - {rollbacks} >= {rollbacks} or {rollbacks}", by)

    def app_attempts(self, by: str = "") -> str:
        """Attempts over all versions, likewise: at least as many as failures."""
        return f"({self.app_installs(by)} + {self.where(PLUGIN).count('set_fail', by)})"


def total(vector: str, by: str = "") -> str:
    return f"sum by ({by}) ({vector})" if by else f"sum({vector})"


def or_zero(part: str, whole: str) -> str:
    """`part`, or 0 where there is a whole and no part.

    Only for actions that have no series before they happen. The outcomes of an update (set, set_fail, update_fail,
    download_complete, download_fail) are shown at 0 as soon as a version appears.
    """
    return f"({part} or {whole} * 0)"


def share(part: str, whole: str, at_least: str) -> str:
    """`part` of `whole`, where the whole is large enough to tell; at most 1, as a window may cut a pair of events."""
    return f"clamp_max({part} / ({whole} >= {at_least}), 1)"


def surely(k: str, n: str) -> str:
    """The lower end of Wilson's interval for the share k / n: with 95 % confidence the true share is at least this.

    Multiplied out, so that each term stands as seldom as possible:
    (k + z²/2 - z √(k (n - k) / n + z²/4)) / (n + z²).
    """
    root = f"sqrt({k} * clamp_min({n} - {k}, 0) / {n} + {_Z**2 / 4:.4f})"
    return f"clamp_min(({k} + {_Z**2 / 2:.4f} - {_Z} * {root}) / ({n} + {_Z**2:.4f}), 0)"


def z_score(k: str, n: str, k_base: str, n_base: str) -> str:
    """How many standard deviations the share k / n lies above the share k_base / n_base (two-proportion z-test).

    0 where nobody failed.
    """
    pooled = f"({k} + {k_base}) / ({n} + {n_base})"
    spread = f"sqrt({pooled} * (1 - {pooled}) * (1 / {n} + 1 / {n_base}))"
    return f"({k} / {n} - {k_base} / {n_base}) / clamp_min({spread}, 0.000001)"
