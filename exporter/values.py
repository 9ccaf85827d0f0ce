"""The kinds of values that settings have: what people write, and what becomes of it.

What can never match anything is refused, with an example of what would be right: a setting that is quietly of no use
shows only when its data is missed.
"""

import re
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from exporter.wire.labels import is_app_id

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST: Final = 36500 * _UNITS["d"]
"""Seconds; no clock of the system waits for ten times as long."""

_SIZES: Final = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TOKEN_LENGTH: Final = 128


class Shown(NamedTuple):
    """What the help calls a value of a kind."""

    name: str


class Duration(float):
    """Seconds, written with a unit: `150s`, `7d`."""


class Size(int):
    """Bytes, written with a unit: `4MiB`."""


class Names(frozenset[str]):
    """Written as a comma-separated list."""

    def __str__(self) -> str:
        return ",".join(sorted(self))


class Tokens(tuple[SecretStr, ...]):
    """Secrets each of which will do, written as a comma-separated list; never shown."""

    __slots__ = ()

    def __str__(self) -> str:
        return "*" * 8 if self else ""


def _duration(value: object) -> Duration:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", str(value)) or re.fullmatch(r"(0)()", str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit: 500ms, 150s, 10m, 12h, 30d")
    seconds = float(match[1]) * _UNITS.get(match[2], 1)
    if seconds > _LONGEST:
        raise ValueError(f"{value!r} is more than a hundred years; 36500d are the most")
    return Duration(seconds)


def _size(value: object) -> Size:
    match = re.fullmatch(r"(\d+)\s?(B|KiB|MiB|GiB)?", str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a size; write a number of bytes, or one with a unit: 512KiB, 4MiB")
    return Size(int(match[1]) * _SIZES[match[2] or ""])


def _directory(value: object) -> Path:
    if not str(value):
        raise ValueError("it is empty, which would be the current directory; write . if that is meant")
    return Path(str(value))


def items(value: object) -> list[str]:
    """What stands between the commas of a list; raises `ValueError` if nothing does."""
    items = [item for item in (item.strip() for item in str(value).split(",")) if item]
    if not items and str(value):
        raise ValueError("there is nothing between the commas")
    return items


def _apps(value: object) -> Names:
    apps = Names(items(value))
    for app in apps:
        if not is_app_id(app):
            raise ValueError(f"{app!r} is not an app id, such as com.example.app; several are separated by commas")
    return apps


def _fields(value: object) -> Names:
    names = Names(items(value))
    for name in names:
        if re.search(r"[\s\"'\[\]{}]", name):
            raise ValueError(f"{name!r} is not a field's name, such as custom_id; several are separated by commas")
    return names


def _tokens(value: object) -> Tokens:
    return Tokens(map(_token, items(value)))


def _token(text: str) -> SecretStr:
    if not re.fullmatch(rf"[A-Za-z0-9._~-]{{1,{_TOKEN_LENGTH}}}", text) or text in (".", ".."):
        raise ValueError(
            f"a token is made of letters, digits and . _ ~ - only, at most {_TOKEN_LENGTH} of them, as it becomes part "
            "of an address; several are separated by commas"
        )
    return SecretStr(text)


def _link(value: object) -> str:
    text = str(value)
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[A-Za-z0-9._~/-]*)?", text):
        raise ValueError("is not the address of a page, without a password or a query, such as http://localhost:3000")
    return text.rstrip("/")


DurationSetting = Annotated[Duration, BeforeValidator(_duration), Shown("DURATION")]
SizeSetting = Annotated[Size, BeforeValidator(_size), Shown("SIZE")]
AppsSetting = Annotated[Names, NoDecode, BeforeValidator(_apps), Shown("APP,...")]
FieldsSetting = Annotated[Names, NoDecode, BeforeValidator(_fields), Shown("FIELD,...")]
TokensSetting = Annotated[Tokens, NoDecode, BeforeValidator(_tokens), Shown("TOKEN,...")]
DirectorySetting = Annotated[Path, BeforeValidator(_directory), Shown("DIRECTORY")]
PathSetting = Annotated[str, Shown("PATH")]
LinkSetting = Annotated[str, BeforeValidator(_link), Shown("URL")]
UrlSetting = Annotated[str, Shown("URL")]
HeadersSetting = Annotated[SecretStr, Shown("NAME=VALUE,...")]
