"""A release to a fleet: which versions there are, who is offered the new one, and what goes wrong with it."""

import random
from collections.abc import Mapping
from typing import Final, NamedTuple

from exporter.simulator.ailments import NONE, Ailments
from exporter.simulator.dialects import Dialect, Platform
from exporter.simulator.phone import Phone

MANIFEST_FAILURES: Final = (
    "download_manifest_file_fail",
    "download_manifest_checksum_fail",
    "download_manifest_brotli_fail",
)
_DOWNLOAD_FAILURES: Final = ("download_fail", "checksum_fail", "unzip_fail", "finish_download_fail")
FAILURES: Final = (*MANIFEST_FAILURES, *_DOWNLOAD_FAILURES, "set_fail", "update_fail")
STAGES: Final = tuple(str(stage) for stage in range(10, 100, 10))

_FAILURES_OF: Final[Mapping[Platform, tuple[str, ...]]] = {
    "electron": ("download_fail", "set_fail"),
    "react-native": ("set_fail",),
}

_UPTAKE: Final = 0.3
"""Share of update checks that offer the next bundle: a rollout reaches devices over several launches."""


class Rollout(NamedTuple):
    """Two versions, and what goes wrong with the new one: shares of its installs, by platform and action or stage."""

    old: str
    new: str
    failures: Mapping[tuple[Platform, str], float]
    stalls: Mapping[Platform, Mapping[str, float]]
    base_failure: float
    ailments: Ailments = NONE

    def offer(self, phone: Phone, chance: random.Random) -> str | None:
        """What an update check finds."""
        if chance.random() >= _UPTAKE or phone.current == self.new:
            return None
        bundle = self.old if phone.current is None and chance.random() < 0.5 else self.new
        return None if bundle in phone.failed else bundle

    def failure(self, phone: Phone, bundle: str, chance: random.Random) -> str | None:
        """How this install is to fail, if it is."""
        chosen = self.failures if bundle == self.new else {}
        for failure in FAILURES:
            share = chosen.get((phone.dialect.platform, failure), self.base_failure)
            if chance.random() < share and _knows(phone.dialect, failure):
                return failure
        return None

    def stall(self, phone: Phone, bundle: str, chance: random.Random) -> int:
        """The stage that this download does not reach; 100 if it reaches all."""
        if bundle == self.new:
            for stage, share in sorted(self.stalls.get(phone.dialect.platform, {}).items()):
                if chance.random() < share:
                    return int(stage)
        return 100


def _knows(dialect: Dialect, failure: str) -> bool:
    """Whether the client has a word for it."""
    if dialect.platform in _FAILURES_OF:
        return failure in _FAILURES_OF[dialect.platform]
    if failure in MANIFEST_FAILURES:
        return dialect.has("manifests")
    if failure == "finish_download_fail":
        return dialect.platform == "android" and dialect.has("finish_fail")
    return failure != "unzip_fail" or dialect.has("unzip_fail")
