"""LogQL of the definitions that the panels of *Events* share.

Labels of Loki's index are the app and the kind of device; all else are attributes of a line, asked for behind it.
Variables with several values go into double quotes, for which Grafana escapes them.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

NAMESPACE: Final = 'service_namespace="capgo"'
WINDOW: Final = "$__range"

FAILED: Final = 'detected_level="error"'
"""Loki's name for the severity that the exporter gives to what went wrong."""
DEVICE: Final = 'device_id!=""'


def one_of(attribute: str, values: str) -> str:
    """A condition on an attribute; `values` are a regular expression, or a variable with several.

    Loki 3.7 takes `=~"set|set_fail"` to mean all that hold `set` somewhere, unless it is anchored.
    """
    return f'{attribute}=~"^({values})$"'


def none_of(attribute: str, values: str) -> str:
    """The opposite."""
    return f'{attribute}!~"^({values})$"'


OTHER_VERSIONS: Final = none_of("version", "${version}")
NO_PROGRESS: Final = none_of("action", "download_[0-9]+")
PLUGIN: Final = none_of("platform", "electron|react-native")
"""The plugin itself: the other clients send `set` at every launch, which is no update."""
SCRIPTS: Final = one_of("action", "webview_javascript_error|webview_unhandled_rejection")


@dataclass(frozen=True)
class Lines:
    """Lines of the log: what the index finds, and then all conditions on their attributes."""

    labels: tuple[str, ...] = (NAMESPACE, 'service_name=~"$app_id"', 'deployment_environment_name="$environment"')
    conditions: tuple[str, ...] = (one_of("version", "${version}"), one_of("platform", "${platform}"))

    def where(self, *conditions: str) -> Self:
        return replace(self, conditions=(*self.conditions, *conditions))

    @property
    def query(self) -> str:
        """The lines themselves."""
        return " | ".join((f"{{{', '.join(self.labels)}}}", *self.conditions))

    def count(self, *by: str, window: str = WINDOW) -> str:
        """How many lines, by attributes."""
        return f"sum{_by(by)}(count_over_time({self.query} [{window}]))"

    def devices(self, *by: str) -> str:
        """How many devices have such a line, by attributes."""
        return f"count{_by(by)}({self.where(DEVICE).count(*by, 'device_id')})"


def share(part: Lines, whole: Lines, by: tuple[str, ...], at_least: str) -> str:
    """`part` of `whole` by attributes, where the whole is large enough to tell; 0 where it has no such part."""
    enough = f"({whole.count(*by)} >= {at_least})"
    return f"{part.count(*by)} / {enough} or {enough} * 0"


def _by(attributes: tuple[str, ...]) -> str:
    return f" by ({', '.join(attributes)}) " if attributes else " "
