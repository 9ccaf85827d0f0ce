"""PromQL of the definitions that panels and alerts share.

All counters are added up by the wanted labels after `increase`, never before: right for any number of exporters, and
over restarts.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from dashboards.generator.selection import Selection
from dashboards.generator.selectors import ATTEMPTS, FAILURES, PLUGIN, selector

_Z: Final = 1.645
"""Standard deviations of a one-sided confidence of 95 %."""

_PLATFORMS: Final = "app_id, platform"
"""Where a device stays when it is rolled back."""


@dataclass(frozen=True)
class Events(Selection):
    """Events of a selection within a window."""

    at: str = ""
    """A modifier of PromQL, where the window does not end at the moment that is asked for."""

    def at_the_end(self) -> Self:
        """The window that ends with the time range, at every step of a graph: what it says then holds for all of it."""
        return replace(self, at=" @ end()")

    def selector(self, actions: str) -> str:
        """The counters of these actions (a regular expression)."""
        operator = "=" if actions.isidentifier() else "=~"
        return selector(self.name, *self.matchers, f'action{operator}"{actions}"')

    def increases(self, actions: str) -> str:
        """How far each of these counters rose."""
        return self._rise(self.selector(actions))

    def begun_by_devices(self, by: str) -> str:
        """Devices that began a download, each once while it tries that version."""
        counter = selector(self.name.replace("_events_", "_device_stages_"), *self.matchers, 'stage="downloading"')
        return total(self._rise(counter), by)

    def _rise(self, counter: str) -> str:
        return f"increase({counter}[{self.window}]{self.at})"

    def count(self, actions: str, by: str = "") -> str:
        """How many events, by the labels named."""
        return total(self.increases(actions), by)

    def per_bar(self, actions: str, by: str) -> str:
        """How many events in each bar of a graph; the bars add up to the count."""
        return f"{total(f'rate({self.selector(actions)}[$__rate_interval])', by)} * $__interval_ms / 1000"

    def attempts(self, by: str = "") -> str:
        """Times a version was set or failed to be; those set again by the rollback of another one are among them.

        At least as many as failed: what was set before the window may be rolled back in it.
        """
        tried, failures = self.where(PLUGIN).count(ATTEMPTS, by), self.failures(by)
        return f"({failures} > {tried} or {tried})"

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
    """`part` of `whole`, where the whole is large enough to tell."""
    return f"{part} / ({whole} >= {at_least})"


def surely(part: str, whole: str, at_least: object = None) -> str:
    """The lower end of Wilson's interval for a share: with 95 % confidence the true share is at least this.

    Where the whole is at least so large, if that is said. Multiplied out, so that each term stands as seldom as
    possible: (k + z²/2 - z √(k - k²/n + z²/4)) / (n + z²).
    """
    half, enough = _half_width(part, whole), whole if at_least is None else f"({whole} >= {at_least})"
    return f"clamp_min(({part} + {_Z**2 / 2:.4f} - {half}) / ({enough} + {_Z**2:.4f}), 0)"


def surely_missing(done: str, whole: str, at_least: object) -> str:
    """The same for the share that is not done: what the upper end of the share that is done leaves."""
    enough = f"({whole} >= {at_least})"
    return f"clamp_min(1 - ({done} + {_Z**2 / 2:.4f} + {_half_width(done, whole)}) / ({enough} + {_Z**2:.4f}), 0)"


def _half_width(part: str, whole: str) -> str:
    return f"{_Z} * sqrt(clamp_min({part} - {part} ^ 2 / {whole}, 0) + {_Z**2 / 4:.4f})"


def times(sure: str, others: str, floor: float) -> str:
    """How many times the share of others a share surely is: its lower end over theirs and a floor.

    The floor is what nobody gets up for; it also stands in where others never fail.
    """
    return f"{sure} / ({others} + {floor:g})"


def surely_rate(k: str, n: str, clump: int = 1) -> str:
    """With 95 % confidence the true number of events in each of n is at least this, of which k were seen.

    The lower end of Poisson's interval by its square root, within two hundredths of the exact one from three events on.
    Where `clump` events come at a time their number varies that much more. There may be more events than n, each term
    stands once, and of a share of two thirds and more this is too careful, which does no harm.
    """
    return f"clamp_min(sqrt({k}) - {_Z / 2 * clump**0.5:.4f}, 0) ^ 2 / {n}"
