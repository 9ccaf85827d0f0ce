"""What goes wrong is told in one fixed word and a sentence, and ends with an exit code."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from exporter.commandline import PROGRAM, UsageError
from exporter.storage.errors import LedgerError

OK: Final = 0
FAILED: Final = 1
MISUSED: Final = 2

Complain = Callable[[str, str], object]


def attempt(run: Callable[[], int], complain: Complain) -> int:
    """Run it; returns its exit code, or that of what goes wrong, of which `complain` hears."""
    try:
        return run()
    except BrokenPipeError:
        raise
    except UsageError as error:
        complain("usage", str(error))
        return MISUSED
    except ValidationError as error:
        for problem in error.errors():
            complain("bad_setting", _flag(problem["loc"]) + problem["msg"].removeprefix("Value error, "))
        return MISUSED
    except (LedgerError, OSError) as error:
        complain(getattr(error, "name", "failed"), str(error))
        return FAILED


def _flag(location: tuple[int | str, ...]) -> str:
    return "".join(f"--{str(name).replace('_', '-')}: " for name in location[:1])


def complain(word: str, sentence: str) -> None:
    """Say it to a person, in one line, if anybody is there to read it: the exit code says it as well."""
    with suppress(OSError):
        print(f"{PROGRAM}: {word}: {' '.join(sentence.splitlines())}", file=sys.stderr)  # noqa: T201 - who waits for it
