"""The command `capgo-exporter`: what it can do, and with which code it exits."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from exporter import health, process
from exporter.backup.client import fetch
from exporter.commandline import PROGRAM, Kind, UsageError, meant, read, split, unknown_variables
from exporter.faults import FAILED, OK, attempt, complain
from exporter.settings import BackupSettings, CheckSettings, HealthSettings, RestoreSettings
from exporter.storage.check import check
from exporter.storage.restore import restore

INTERRUPTED: Final = 130
"""As shells have it."""


class _Command(NamedTuple):
    run: Callable[[list[str]], int]
    called: str
    does: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0, 1 if it failed, 2 if it was given what it can't work with."""
    process.have_standard_streams()
    try:
        try:
            return attempt(lambda: _run(sys.argv[1:] if arguments is None else arguments), complain)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who reads has seen enough, as `head` has; what is left must not be written at the very end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _run(arguments: Sequence[str]) -> int:
    name, words = split(arguments)
    command = _COMMANDS.get(name or "serve")
    if command is None:
        raise UsageError(f"there is no command {name!r}{meant(name, _COMMANDS) or f'; {PROGRAM} --help lists them'}")
    return command.run(words)


def _serve(words: list[str]) -> int:
    from exporter.start import start

    called = "\n".join(f"  {command.called:<14} {command.does}" for command in _COMMANDS.values())
    return start(words, f"\n\ncommands, each of which explains itself with --help:\n{called}")


def _settings(kind: type[Kind], command: str, words: list[str]) -> Kind:
    settings = read(kind, command, words)
    for warning in unknown_variables(kind, os.environ):
        complain("warning", warning)
    return settings


def _check(words: list[str]) -> int:
    settings = _settings(CheckSettings, "check", words)
    for line in check(settings.data_dir):
        print(line)
    return OK


def _backup(words: list[str]) -> int:
    settings = _settings(BackupSettings, "backup", words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))  # not at once: half a copy would be left
    size = fetch(settings.data_dir, settings.file)
    print(f"{settings.file}: {size} bytes, for `capgo-exporter restore`")
    return OK


def _restore(words: list[str]) -> int:
    settings = _settings(RestoreSettings, "restore", words)
    for line in restore(settings.file, settings.data_dir):
        print(line)
    return OK


def _health(words: list[str]) -> int:
    print(health.ask(_settings(HealthSettings, "health", words).metrics_listen))
    return OK


def _simulate(words: list[str]) -> int:
    from exporter.simulator import Options, run

    return run(_settings(Options, "simulate", words))


_COMMANDS: Final = {
    "serve": _Command(_serve, "serve", "take posts and show metrics; the default"),
    "check": _Command(_check, "check", "verify the ledger of a stopped exporter"),
    "backup": _Command(_backup, "backup FILE", "copy the ledger of a running exporter"),
    "restore": _Command(_restore, "restore FILE", "put a copy in place of a stopped exporter's ledger"),
    "health": _Command(_health, "health", "say whether the running exporter takes posts"),
    "simulate": _Command(_simulate, "simulate", "a fleet of devices, for demos, load and tests"),
}
