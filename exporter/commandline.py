"""From the words of a command line to settings, and one line about what is wrong with them."""

import re
import textwrap
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from pydantic.fields import FieldInfo
from pydantic_settings import CliApp, CliSettingsSource

from exporter import __version__
from exporter.addresses import Address
from exporter.settings import Base, Settings
from exporter.values import Shown

PROGRAM: Final = "capgo-exporter"

_COLUMNS: Final = 78
_SWITCHES: Final = {"-h", "--help", "--version"}
_SHOWN: Final = {"int": "N", "float": "N"}

_SIMULATE: Final = "CAPGO_SIMULATE_"
_SERVICE_LINK: Final = re.compile(r"\w+_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))(_\w+)?|\w+_PORT(?==tcp://)")
"""What Kubernetes sets for each service, one that is named capgo-exporter among them."""

Kind = TypeVar("Kind", bound=Base)


class UsageError(Exception):
    """The words of a command line make no sense; the message says which, and what may have been meant."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "))


def split(words: Sequence[str]) -> tuple[str, list[str]]:
    """The first word that is neither a flag nor a flag's value, or nothing, and the other words."""
    is_value = False
    for index, word in enumerate(words):
        if not is_value and not word.startswith("-"):
            return word, [*words[:index], *words[index + 1 :]]
        is_value = not is_value and word.startswith("--") and "=" not in word and not _is_switch(word)
    return "", list(words)


def _is_switch(flag: str) -> bool:
    field = Settings.model_fields.get(flag.removeprefix("--").removeprefix("no-").replace("-", "_"))
    return flag in _SWITCHES or (field is not None and field.annotation is bool)


def meant(word: str, known: Iterable[str], prefix: str = "") -> str:
    """A half sentence that names what is most similar, if anything is; all of them have the same prefix."""
    bare = [name.removeprefix(prefix) for name in known]
    return "".join(f"; did you mean {prefix}{one}?" for one in get_close_matches(word.removeprefix(prefix), bare, 1))


def read(kind: type[Kind], command: str, words: Sequence[str], more_help: str = "", *, strict: bool = True) -> Kind:
    """The settings of a command, from its flags and the environment; `--help` and `--version` end the process.

    Raises `UsageError` or pydantic's `ValidationError`; if not `strict`, flags of others are passed over.
    """
    name = f"{PROGRAM} {command}".strip()
    parser = _Parser(
        prog=name,
        usage=f"{name} [--flag VALUE ...]{''.join(f' {file.upper()}' for file in _positionals(kind))}",
        description=textwrap.fill(" ".join((kind.__doc__ or "").split()), _COLUMNS) + more_help,
        formatter_class=RawDescriptionHelpFormatter,
        add_help=strict,
        allow_abbrev=False,
    )
    if strict:
        parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}", help="print the version")
    source = CliSettingsSource[_Parser](
        kind,
        root_parser=parser,
        parse_args_method=partial(_parse, kind, strict),
        add_argument_method=partial(_add_argument, kind),
    )
    source.env_ignore_empty = False  # an empty variable is the default; an empty flag is what somebody wrote
    return CliApp.run(kind, cli_args=list(words), cli_settings_source=source)


def _positionals(kind: type[Base]) -> list[str]:
    return [name for name, field in kind.model_fields.items() if field.is_required()]


def _parse(kind: type[Base], strict: bool, parser: _Parser, words: Sequence[str]) -> Namespace:
    known, unknown = parser.parse_known_args(words)
    if strict and unknown:
        flag = unknown[0].partition("=")[0]
        flags = [*_SWITCHES, *(f"--{name.replace('_', '-')}" for name in kind.model_fields)]
        raise UsageError(
            f"{flag} is unknown{meant(flag, flags, '--') or f'; {parser.prog} --help lists what there is'}"
        )
    for name, field in kind.model_fields.items():
        if field.annotation is Address and getattr(known, name, None):
            setattr(known, name, getattr(known, name)[-1:])  # given twice, it would be taken for a list of two
    return known


def _add_argument(kind: type[Base], parser: ArgumentParser, *names: str, **how: Any) -> Any:
    """Add a flag to a parser, its value and default as people read them."""
    if "dest" in how:
        how["help"] = re.sub(r" \(default: (None|\[\])?\)", "", how["help"])
    if "dest" in how and "metavar" in how:
        how["metavar"] = _shown(kind.model_fields[how["dest"]], how["metavar"])
    return parser.add_argument(*names, **how)


def _shown(field: FieldInfo, otherwise: str) -> str:
    kinds = [part.name for part in field.metadata if isinstance(part, Shown)]
    return kinds[0] if kinds else _SHOWN.get(otherwise, otherwise)


def unknown_variables(kind: type[Base], environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that look like settings and are none, each with the one that may have been meant; never a value."""
    prefix = str(kind.model_config.get("env_prefix"))
    known = {f"{prefix}{name.upper()}" for name in (kind if prefix == _SIMULATE else Settings).model_fields}
    for name, value in environ.items():
        if not name.upper().startswith(prefix) or name.upper() in known:
            continue
        if prefix != _SIMULATE and name.upper().startswith(_SIMULATE):
            continue
        if not _SERVICE_LINK.match(f"{name}={value}"):
            yield f"{name} is no setting{meant(name.upper(), known, prefix)}"
