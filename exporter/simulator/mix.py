"""Which clients a fleet is made of: a guess at what is out there, with each dialect in it."""

import random
from typing import Final

from exporter.simulator.dialects import Dialect, Platform, dialect

_PLATFORMS: Final[dict[Platform, float]] = {"android": 0.54, "ios": 0.39, "electron": 0.05, "react-native": 0.02}
_MOBILE: Final = {
    "8.51.23": 36,
    "8.45.11": 12,
    "8.4.3": 4,
    "7.51.21": 14,
    "7.42.3": 4,
    "7.18.14": 6,
    "6.51.16": 5,
    "6.42.3": 3,
    "6.14.26": 4,
    "5.50.1": 4,
    "5.9.5": 2,
    "5.2.35": 2,
    "4.61.11": 2,
    "10.0.0": 2,
}
_OTHER_CLIENTS: Final[dict[Platform, dict[str, int]]] = {
    "electron": {"0.0.1": 1},  # what 0.0.6 says of itself
    "react-native": {"0.1.0": 1},
}


def pick(chance: random.Random) -> Dialect:
    """One device's client."""
    platform = chance.choices([*_PLATFORMS], [*_PLATFORMS.values()])[0]
    versions = _OTHER_CLIENTS.get(platform, _MOBILE)
    return dialect(platform, chance.choices([*versions], [*versions.values()])[0])
