"""The command line helps whoever mistypes it, and fits where it is read."""

import re
import subprocess
import sys

import pytest

from exporter import __version__
from exporter.cli import main
from exporter.commandline import read, split, unknown_variables
from exporter.faults import MISUSED
from exporter.settings import Settings
from exporter.simulator.options import Options

COMMANDS = ["", "check", "backup", "restore", "health", "simulate"]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def help_of(command: str, capfd: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main([*filter(None, [command]), "--help"])
    assert end.value.code == 0
    return capfd.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_fits_into_80_columns(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """And begins with the command's own name."""
    said = help_of(command, capfd)

    assert [line for line in said.splitlines() if len(line) > 80] == []
    assert said.startswith(f"usage: capgo-exporter {command}".rstrip())


@pytest.mark.parametrize("command", COMMANDS)
def test_values_have_names_that_people_read(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """In capitals, or the choices themselves, and no type of Python's."""
    named = re.findall(r"^  --[a-z-]+ (\S+)", help_of(command, capfd), re.MULTILINE)

    assert [name for name in named if not re.fullmatch(r"[A-Z:,.=]+|\{[a-z,]+\}|--no-\S+", name)] == []


def test_the_help_lists_the_commands(capfd: pytest.CaptureFixture[str]) -> None:
    """All of them."""
    said = help_of("", capfd)

    assert [command for command in COMMANDS if f"\n  {command}" not in said] == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--data-dri", "x"], "did you mean --data-dir?"),
        (["--data_dir=x"], "did you mean --data-dir?"),
        (["--metric-listen", "x"], "did you mean --metrics-listen?"),
        (["--helpp"], "did you mean --help?"),
        (["--zzz"], "--help lists what there is"),
        (["chekc"], "did you mean check?"),
        (["frobnicate"], "--help lists them"),
        (["check", "--data-dri", "x"], "did you mean --data-dir?"),
        (["check", "--listen", "x:1"], "capgo-exporter check --help lists what there is"),
        (["--max-apps"], "--max-apps: expected one argument"),
        (["backup"], "required: FILE"),
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_mistyped_word_is_one_line_that_helps(
    words: list[str], hint: str, form: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not two dozen lines of usage, in which nobody finds it."""
    monkeypatch.setenv("CAPGO_LOG_FORMAT", form)

    assert main(words) == MISUSED

    (said,) = capfd.readouterr().err.splitlines()
    assert hint in said
    assert "usage" in said


@pytest.mark.parametrize("words", [["--version"], ["check", "--version"], ["--data-dir", "x", "--version"]])
def test_the_version_is_told(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever else is asked."""
    with pytest.raises(SystemExit) as end:
        main(words)

    assert end.value.code == 0
    assert capfd.readouterr().out == f"capgo-exporter {__version__}\n"


@pytest.mark.parametrize(
    ("words", "command", "rest"),
    [
        (["check", "--data-dir", "d"], "check", ["--data-dir", "d"]),
        (["--data-dir", "d", "check"], "check", ["--data-dir", "d"]),
        (["--data-dir=d", "check"], "check", ["--data-dir=d"]),
        (["--data-dir", "check"], "", ["--data-dir", "check"]),
        (["--restored", "serve", "--max-apps", "3"], "serve", ["--restored", "--max-apps", "3"]),
        (["--no-restored", "serve"], "serve", ["--no-restored"]),
        (["--data-dir", "d", "backup", "copy.db"], "backup", ["--data-dir", "d", "copy.db"]),
        (["-h"], "", ["-h"]),
        ([], "", []),
    ],
)
def test_a_command_may_follow_flags(words: list[str], command: str, rest: list[str]) -> None:
    """As people write who put what stays the same first; a flag's value is no command."""
    assert split(words) == (command, rest)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CAPGO_DATADIR", "/data", ["CAPGO_DATADIR is no setting; did you mean CAPGO_DATA_DIR?"]),
        ("capgo_max_app", "7", ["capgo_max_app is no setting; did you mean CAPGO_MAX_APPS?"]),
        ("CAPGO_THREADS", "8", ["CAPGO_THREADS is no setting"]),
        ("CAPGO_LISTEN_PORT", "8080", ["CAPGO_LISTEN_PORT is no setting; did you mean CAPGO_LISTEN?"]),
        ("CAPGO_DATA_DIR", "/data", []),
        ("capgo_data_dir", "/data", []),
        ("CAPGO_SIMULATE_DEVICES", "5", []),
        ("CAPGOX", "5", []),
        ("CAPGO_EXPORTER_SERVICE_HOST", "10.0.0.1", []),
        ("CAPGO_EXPORTER_SERVICE_PORT_METRICS", "10058", []),
        ("CAPGO_EXPORTER_PORT", "tcp://10.0.0.1:8080", []),
        ("CAPGO_EXPORTER_PORT_8080_TCP", "tcp://10.0.0.1:8080", []),
        ("CAPGO_EXPORTER_PORT_8080_TCP_PROTO", "tcp", []),
    ],
)
def test_a_misspelt_variable_is_told_by_its_name(name: str, value: str, says: list[str]) -> None:
    """And never by its value; those that Kubernetes sets for a service of our name are no mistake."""
    assert [*unknown_variables(Settings, {name: value, "PATH": "/bin"})] == says


def test_the_simulators_variables_are_its_own() -> None:
    """It looks at those alone."""
    environ = {"CAPGO_DATADIR": "x", "CAPGO_SIMULATE_DEVICE": "5"}

    assert [*unknown_variables(Options, environ)] == [
        "CAPGO_SIMULATE_DEVICE is no setting; did you mean CAPGO_SIMULATE_DEVICES?"
    ]


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"], ["--version"]])
def test_a_reader_that_has_seen_enough_sees_no_traceback(words: list[str]) -> None:
    """`capgo-exporter check | head -1`: here one that reads nothing at all."""
    argv = [sys.executable, "-m", "exporter", *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("flag", "first", "last"),
    [
        ("--listen", "127.0.0.1:1", "[::1]:2"),
        ("--metrics-listen", "127.0.0.1:1", "localhost:2"),
        ("--data-dir", "one", "two"),
        ("--zero-hold", "1s", "2s"),
        ("--max-versions", "5", "6"),
    ],
)
def test_of_a_flag_given_twice_the_last_one_counts(flag: str, first: str, last: str) -> None:
    """A script has one, and whoever calls it adds another."""
    once = read(Settings, "", [flag, last])

    assert read(Settings, "", [flag, first, f"{flag}={last}"]) == once


def test_of_a_list_given_in_parts_all_count() -> None:
    """Nobody leaves out an app by naming another one."""
    apps = read(Settings, "", ["--apps", "com.acme.notes", "--apps", "com.acme.till"]).apps

    assert sorted(apps) == ["com.acme.notes", "com.acme.till"]
