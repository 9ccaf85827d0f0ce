"""The apps and versions that are in: those that have series of their own on /metrics, or will with the next scrape."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Final

from exporter.wire.labels import INVALID_VERSION, UNKNOWN_VERSION, Version

OVERFLOW: Final = "__overflow__"
RESERVED_VERSIONS: Final = frozenset({OVERFLOW, INVALID_VERSION, UNKNOWN_VERSION})
"""Labels that are no version that anybody released: no budget is spent on them."""

BIRTHS_PER_HOUR: Final = 20
HOUR: Final = 3600.0

Group = Collection[Version]
"""All that shares a label, or an app: they enter one by one, and leave together."""


class _App:
    """The versions of an app by their labels, and when the newest labels entered."""

    __slots__ = ("births", "labels")

    def __init__(self, labels: Mapping[str, frozenset[Version]], births: Iterable[float]) -> None:
        self.labels = dict(labels)
        self.births = deque(births, BIRTHS_PER_HOUR)


class Census:
    """Who is in."""

    def __init__(self) -> None:
        self.apps: dict[str, _App] = {}
        self._own: set[str] = set()
        """The apps whose entries are not another census' as well."""

    def fork(self) -> "Census":
        """Another census that says the same, and may go its own way while this one stays as it is."""
        fork = Census()
        fork.apps = self.apps.copy()
        return fork

    def add(self, version: Version, first: float) -> None:
        """A version is in, since `first`."""
        app = self._changeable(version.app_id)
        known = app.labels.get(version.version, frozenset())
        if not known and version.version not in RESERVED_VERSIONS:
            app.births.append(first)
        app.labels[version.version] = known | {version}

    def remove(self, version: Version) -> None:
        """A version is out."""
        app = self._changeable(version.app_id)
        others = app.labels.pop(version.version) - {version}
        if others:
            app.labels[version.version] = others
        elif not app.labels:
            del self.apps[version.app_id]
            self._own.discard(version.app_id)

    def _changeable(self, app_id: str) -> _App:
        app = self.apps.get(app_id)
        if app is None or app_id not in self._own:
            self.apps[app_id] = app = _App(app.labels, app.births) if app else _App({}, ())
            self._own.add(app_id)
        return app

    def is_in(self, version: Version) -> bool:
        """Whether a version has series of its own."""
        app = self.apps.get(version.app_id)
        return app is not None and version in app.labels.get(version.version, ())

    def has(self, app_id: str, label: str) -> bool:
        """Whether an app has a version, on whatever platform."""
        app = self.apps.get(app_id)
        return app is not None and label in app.labels

    def versions(self, app_id: str) -> int:
        """The versions of an app, without the reserved ones."""
        app = self.apps.get(app_id)
        return len(app.labels) - sum(label in app.labels for label in RESERVED_VERSIONS) if app else 0

    def births(self, app_id: str, now: float) -> int:
        """The versions of an app that entered within the last hour, as far as the allowance goes."""
        app = self.apps.get(app_id)
        return sum(first > now - HOUR for first in app.births) if app else 0

    @property
    def real_apps(self) -> int:
        """The number of apps, without the reserved one."""
        return len(self.apps) - (OVERFLOW in self.apps)

    def app_groups(self) -> list[Group]:
        """The apps that another may take the place of, each as all its versions."""
        return [[*chain(*app.labels.values())] for app_id, app in self.apps.items() if app_id != OVERFLOW]

    def version_groups(self, app_id: str) -> list[Group]:
        """The versions of an app that another may take the place of, each on all its platforms."""
        return [group for label, group in self.apps[app_id].labels.items() if label not in RESERVED_VERSIONS]
