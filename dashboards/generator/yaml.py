"""YAML that people read: enough for rule files, so that the generator needs no library."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_INDENT: Final = "  "
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.:#/-]*\w")


def dump(value: Any, comment: str) -> str:
    """A document of dicts, lists, strings and numbers; a string of several lines becomes a block."""
    return "\n".join([f"# {comment}", *_lines(value, "")]) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(f"{indent}{key}:", item, indent + _INDENT)
    else:
        for item in value:
            first, *others = _lines(item, indent + _INDENT) if isinstance(item, dict) else [_scalar(item)]
            yield f"{indent}- {first.lstrip()}"
            yield from others


def _entry(key: str, item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, dict | list) and item:
        yield key
        yield from _lines(item, indent)
    elif isinstance(item, str) and "\n" in item:
        yield f"{key} |-"
        yield from (indent + line for line in item.split("\n"))
    else:
        yield f"{key} {_scalar(item)}"


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)  # JSON's numbers and booleans are YAML's as well
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "''") + "'"
