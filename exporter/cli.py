"""The command `capgo-exporter`: serve (default), check, backup, simulate."""

import http.client
import sys
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from prometheus_client import disable_created_metrics
from pydantic import ValidationError
from pydantic_settings import CliApp

from exporter import logs
from exporter.settings import BackupSettings, CheckSettings, Settings
from exporter.storage.check import check
from exporter.storage.ledgerfile import LedgerError

OK: Final = 0
FAILED: Final = 1
MISUSED: Final = 2

_log = structlog.get_logger("cli")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0, 1 if it failed, 2 if it was given what it can't work with."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words.pop(0) if words and words[0] in _COMMANDS else "serve"
    try:
        return _COMMANDS[command](words)
    except ValidationError as error:
        for problem in error.errors():
            _complain(_flag(problem["loc"]) + problem["msg"].removeprefix("Value error, "))
        return MISUSED
    except LedgerError as error:
        _complain(f"{error.name}: {error}")
        return FAILED
    except OSError as error:
        _complain(str(error))
        return FAILED


def _flag(location: tuple[int | str, ...]) -> str:
    return "".join(f"--{str(name).replace('_', '-')}: " for name in location[:1])


def _complain(message: str) -> None:
    print(f"capgo-exporter: {message}", file=sys.stderr)


def _serve(words: list[str]) -> int:
    from exporter.service import serve

    settings = CliApp.run(Settings, cli_args=words)
    console = logs.for_people(settings.log_format)
    # A `_created` sample for each series doubles the scrape and helps no Prometheus without a feature flag.
    disable_created_metrics()  # type: ignore[no-untyped-call]

    def started(port: int, metrics_port: int) -> None:
        if console:
            host, hold = settings.metrics_listen.host, settings.zero_hold
            print(_NEXT.format(port=port, host=host, metrics_port=metrics_port, hold=hold), file=sys.stderr)
        _log.info("listening", port=port, metrics_port=metrics_port)

    with logs.written(settings.log_level, settings.log_format):
        _log.info("starting", **{name: str(value) for name, value in settings if value != ""})
        return serve(settings, started)


_NEXT: Final = """
capgo-exporter takes posts on port {port}.

  In capacitor.config, for a debug build on the same network:
      plugins: {{ CapacitorUpdater: {{ statsUrl: "http://<this machine>:{port}/stats" }} }}
  (A release build needs https: see README, "A real app".)
  Try it:
      curl -d '{{"app_id":"com.example.app","action":"set","platform":"android","version_name":"1.0.0"}}' \\
          http://127.0.0.1:{port}/stats
  See it:
      http://{host}:{metrics_port}/          what has arrived
      http://{host}:{metrics_port}/metrics   for Prometheus, which must see a new series at 0 first, for {hold:g} s
"""


def _check(words: list[str]) -> int:
    settings = CliApp.run(CheckSettings, cli_args=words)
    for line in check(settings.data_dir):
        print(line)
    return OK


def _backup(words: list[str]) -> int:
    settings = CliApp.run(BackupSettings, cli_args=words)
    host, port = settings.metrics_listen
    with settings.file.open("xb") as target:
        try:
            connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=600)  # noqa: S104
            connection.request("GET", "/backup")
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise OSError(f"the exporter at {host}:{port} answered {response.status}")
            size = target.write(response.read())
        except OSError as error:
            settings.file.unlink()
            raise OSError(
                f"no copy was made: {error}; is the exporter running, with --metrics-listen {host}:{port}?"
            ) from error
    print(
        f"{settings.file}: {size} bytes. To use it: ledger.db of an empty data directory, and one start with --restored"
    )
    return OK


def _simulate(words: list[str]) -> int:
    from exporter.simulator import Options, run

    return run(CliApp.run(Options, cli_args=words))


_COMMANDS: Final[dict[str, Callable[[list[str]], int]]] = {
    "serve": _serve,
    "check": _check,
    "backup": _backup,
    "simulate": _simulate,
}
