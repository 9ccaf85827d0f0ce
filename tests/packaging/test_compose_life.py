"""What OPERATING.md tells who runs compose to do: its commands, without an engine, on an exporter of our own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.packaging.pages import fences
from tests.packaging.project import DASHBOARDS, PROGRAM, load
from tests.support.bodies import event
from tests.support.harness import Exporter

PAGE = DASHBOARDS / "OPERATING.md"
BACKUP, UPGRADE, RESTORE, MOVE = (
    f"{what} with compose" for what in ("Backup", "Upgrade", "Restore", "Another machine")
)
BLOCKS = fences(PAGE, "sh")
EVENTS = 3


class Host(NamedTuple):
    """A folder with .env, where `docker` and `git` only note what they are asked, but for what runs in a container."""

    directory: Path
    exporter: Exporter

    def walk(self, script: str, **environment: str) -> int:
        """The exit code of a block."""
        paths = {"SAID": "said", "BACKUPS": "copies", "CHECKOUT": "."}
        given = {name: str(self.directory / path) for name, path in paths.items()}
        given |= {"DATA": str(self.exporter.data), "PROGRAM": str(PROGRAM)}
        given["PATH"] = f"{self.directory}/bin:{PROGRAM.parent}:{os.environ['PATH']}"
        script = script.replace("/etc/cron.daily/capgo-exporter-backup", "backup")
        return subprocess.run(
            ["sh", "-c", script], cwd=self.directory, env=os.environ | given | environment, check=False
        ).returncode

    def said(self) -> list[str]:
        """What Docker was asked for, a word each, in order."""
        lines = (self.directory / "said").read_text().splitlines()
        return [match[1] for line in lines if (match := re.match(r"compose (\w+)", line))]

    def copies(self) -> list[Path]:
        return sorted((self.directory / "copies").iterdir())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").symlink_to(Path(__file__).with_name("docker_stub.sh"))
    (programs / "git").symlink_to("/bin/true")
    (programs / "backup").write_text(BLOCKS[BACKUP])
    (programs / "backup").chmod(0o755)
    (tmp_path / ".env").write_text("")
    with Exporter(tmp_path / "exporter") as exporter:
        for number in range(EVENTS):
            exporter.post(event(device_id=f"device {number}"))
        yield Host(tmp_path, exporter)


def counted(exporter: Exporter) -> float:
    return exporter.scrape().total("capgo_exporter_ledger_events")


def test_copies_leave_the_volume_and_none_overwrites_another(host: Host) -> None:
    """By who may read the folder alone; those of more than two weeks go."""
    old = host.directory / "copies/ledger-20200101T000000Z.db"
    old.parent.mkdir()
    old.touch()
    os.utime(old, (0, 0))
    for day in ("20261127T000000Z", "20261128T000000Z"):
        (host.directory / "bin/date").write_text(f"#!/bin/sh\necho {day}\n")
        (host.directory / "bin/date").chmod(0o755)
        assert host.walk("backup") == 0
    assert [copy.name for copy in host.copies()] == ["ledger-20261127T000000Z.db", "ledger-20261128T000000Z.db"]
    assert not list(host.exporter.data.glob("*2026*"))


def test_an_upgrade_is_rehearsed_and_leaves_nothing_behind(host: Host) -> None:
    """On a copy, before anything is replaced; then the way back."""
    up, back = re.findall(r"(?m)^\((?:.|\n)*?^\)\n", BLOCKS[UPGRADE])
    assert host.walk(up) == 0
    assert host.said()[-4:] == ["build", "run", "up", "restart"]
    assert not list(host.exporter.data.glob("rehearsal*"))
    assert host.walk(back) == 0


def test_a_failed_rehearsal_replaces_nothing(host: Host) -> None:
    """Here by a new program that takes no ledger."""
    (host.directory / "bin/capgo-exporter").write_text(f'#!/bin/sh\n[ "$1" != check ] || exit 1\nexec {PROGRAM} "$@"\n')
    (host.directory / "bin/capgo-exporter").chmod(0o755)
    assert host.walk(BLOCKS[UPGRADE].partition("\n)\n")[0] + "\n)") != 0
    assert host.said()[-2:] == ["build", "run"]
    assert not list(host.exporter.data.glob("rehearsal*"))


def test_the_newest_copy_is_restored(host: Host) -> None:
    """With the setting that has its series begin at 0, once however often."""
    assert host.walk("backup") == 0
    host.exporter.post(event(device_id="later"))
    host.exporter.terminate()
    for _ in range(2):
        assert host.walk(BLOCKS[RESTORE]) == 0
    assert (host.directory / ".env").read_text() == "CAPGO_RESTORED=true\n"
    assert not (host.exporter.data / "restoring.db").exists()
    host.exporter.environment["CAPGO_RESTORED"] = "true"
    host.exporter.restart()
    assert counted(host.exporter) == EVENTS


def test_the_volume_moves_as_a_whole(host: Host) -> None:
    """Nothing of what was counted is missing on the other machine."""
    out, into = re.findall(r"(?m)^\((?:.|\n)*?^\)\n", BLOCKS[MOVE])
    host.exporter.terminate()
    assert host.walk(out) == 0
    there = host.directory / "there"
    there.mkdir()
    assert host.walk(into, DATA=str(there)) == 0
    host.exporter.restart(data_dir=str(there))
    assert counted(host.exporter) == EVENTS


def test_the_page_names_services_that_there_are() -> None:
    """Each that it stops, starts anew or asks."""
    services = load("docker-compose.yml")["services"].keys()
    named = re.findall(r"docker compose (?:restart|stop|logs|exec(?: -T)?) ((?:[a-z-]+ ?)+)", PAGE.read_text())
    assert {"exporter", "prometheus", "alertmanager"} <= {word for words in named for word in words.split()}
    assert all(words.split()[0] in services for words in named)
