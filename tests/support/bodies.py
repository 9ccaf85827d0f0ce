"""Events as real clients spell them (field lists of the plugin's Android and iOS sources), each unlike every other."""

from __future__ import annotations

import itertools
import time
from typing import Any

_moments = itertools.count(int(time.time() * 1000))

Event = dict[str, Any]


def event(**fields: object) -> Event:
    """A `set` of a current Android client at a moment of its own; a field given as `None` is left out."""
    usual: Event = {
        "platform": "android",
        "device_id": "4f6c0b4e-2f6e-4b47-9a52-0c8f8c2d6e11",
        "app_id": "com.example.shop",
        "custom_id": "",
        "version_build": "1.2.0",
        "version_code": "120",
        "version_os": "16",
        "version_name": "1.2.3",
        "plugin_version": "8.51.23",
        "is_emulator": False,
        "is_prod": True,
        "install_source": "google_play",
        "defaultChannel": "production",
        "old_version_name": "1.2.0",
        "action": "set",
        "timestamp": next(_moments),
    }
    return {name: value for name, value in (usual | fields).items() if value is not None}


def events(count: int, **fields: object) -> list[Event]:
    """That many of them."""
    return [event(**fields) for _ in range(count)]
