"""PromQL about devices: each of them counts once, however often it tries or fails.

`…_device_stages_total` counts a device when it reaches a stage of an attempt for a version; `…_rollout_devices` says
how many stand there now, by their newest attempt; `…_devices` how many run a version.
"""

from dataclasses import dataclass
from typing import Final

from dashboards.generator.formulas import Events, or_zero, total
from dashboards.generator.selection import Selection
from dashboards.generator.selectors import selector

_LINE: Final = "app_id, version, platform"
_ON_THE_WAY: Final = ("downloading", "downloaded", "installed")


@dataclass(frozen=True)
class Devices(Selection):
    """Devices of a selection of versions."""

    def running(self, window: str, by: str = "") -> str:
        """Devices heard from within `window` (1d, 7d, 30d), under the version that they run."""
        return total(selector(f"{self.name}_devices", *self.matchers, f'window="{window}"'), by)

    def standing(self, stages: str, by: str = "") -> str:
        """Devices whose newest attempt is at one of the stages (a regular expression) now."""
        return total(self._gauge(stages), by)

    def stood(self, stages: str, gap: str, by: str = "") -> str:
        """As many as stood there at every moment of the window, which must have been there when it began.

        Or at most `gap` before, if Prometheus was away then.
        """
        gauge = self._gauge(stages)
        began = f"last_over_time({gauge}[{gap}] offset {self.window})"
        return total(f"min_over_time({gauge}[{self.window}]) and {began}", by)

    def _gauge(self, stages: str) -> str:
        return selector(f"{self.name}_rollout_devices", *self.matchers, f'stage=~"{stages}"')

    def entered(self, stages: str, by: str = "") -> str:
        """Devices that reached one of the stages within the window; one that reached two counts twice."""
        counter = selector(f"{self.name}_device_stages_total", *self.matchers, f'stage=~"{stages}"')
        return total(f"increase({counter}[{self.window}])", by)

    def per_bar(self, stages: str, by: str) -> str:
        """How many reached a stage in each bar of a graph."""
        counter = selector(f"{self.name}_device_stages_total", *self.matchers, f'stage=~"{stages}"')
        return f"{total(f'rate({counter}[$__rate_interval])', by)} * $__interval_ms / 1000"

    def reached(self, stage: str, by: str = "") -> str:
        """Devices that got at least this far: clients may skip a stage, so the largest count from it on."""
        further = "|".join(_ON_THE_WAY[_ON_THE_WAY.index(stage) :])
        return total(f"max by ({_LINE}) ({self.entered(further, f'{_LINE}, stage')})", by)

    def kept(self, events: Events, by: str = "") -> str:
        """Devices that set a version and did not roll it back; as many rolled back as said so, each of them failed."""
        installed, rolled_back = self.entered("installed", _LINE), events.rollbacks(_LINE)
        failed = or_zero(self.entered("failed", _LINE), installed)
        return total(f"clamp_min({installed} - ({rolled_back} < {failed} or {failed}), 0)", by)
