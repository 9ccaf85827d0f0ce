"""Bodies for hypothesis: JSON as clients send it with anything in any field, and bytes of all kinds."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from hypothesis import strategies as st

from tests.support.mutator import Mutator, seeds

_FIELDS: Final = (
    *("app_id", "action", "device_id", "platform", "version_name", "version_build", "old_version_name"),
    *("plugin_version", "is_emulator", "is_prod", "timestamp", "metadata", "custom_id", "install_source"),
    "version_os",
)
_WORDS: Final = (
    "",
    "a.b",
    "com.acme.notes",
    "set",
    "download_fail",
    "app_moved_to_foreground",
    "app_launch_ready",
    "app_crash",
    "duration_ms",
    "exit_timestamp",
    "1550.5",
    "builtin",
    "1.2.3:x",
    "android",
    "ios",
    "react-native",
    "__x",
    "8.0.0",
)

text = st.text(st.characters(exclude_categories=())) | st.sampled_from(_WORDS)
"""Lone surrogates among it."""

scalar = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
value = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)
event = st.fixed_dictionaries(
    {"app_id": st.sampled_from(("a.b", "com.acme.notes")) | value, "action": st.sampled_from(_WORDS) | value},
    optional=dict.fromkeys(_FIELDS[2:], value),
)


def _encode(document: Any, escaped: bool) -> bytes:
    return json.dumps(document, ensure_ascii=escaped).encode("utf-8", "surrogatepass")


documents = st.builds(_encode, event | value | st.lists(event | value, max_size=60), st.booleans())
_SEEDS: Final = random.Random(1).sample(seeds(), 40)  # a mutator reads all of its seeds first

mutations = st.integers(min_value=0).map(lambda seed: Mutator(_SEEDS, seed).body())
brackets = st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b",", b'"', b":", b"\\", b"1", b'"a"', b" "])).map(
    b"".join
)

bodies = documents | mutations | st.binary() | brackets
