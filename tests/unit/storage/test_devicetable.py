"""Devices travel in the rows of commits and are written into their table in turns: nothing of that may show."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest

from exporter.counting import records
from exporter.counting.attempts import Standing
from exporter.counting.changes import Changes
from exporter.counting.devices import SHARDS, Devices
from exporter.storage.errors import StorageUnavailableError
from exporter.storage.journal import Journal
from exporter.wire.labels import Version

DAY = 86400.0
NOW = 1_800_000_000.0
LIMIT = 1_000_000


class Memory:
    """A directory's journal, and the devices that it was told of."""

    def __init__(self, directory: Path, memory: int = 100_000) -> None:
        self.devices = Devices(LIMIT)
        self._journal = Journal(directory, "process", memory, DAY)
        self._journal.load(self.devices.apply, self.devices)

    def commit(self, changes: Changes) -> None:
        self._journal.commit(changes)
        self.devices.apply(changes)

    def try_commit(self, changes: Changes) -> bool:
        """Whether the disk took it; what turns out to be there all the same is applied."""
        try:
            landed = self._journal.settle()
            if landed is not None:
                self.devices.apply(landed)
            self.commit(changes)
        except StorageUnavailableError:
            return False
        return True

    def limit_pages(self, more: int) -> None:
        """Let the file grow by so many pages, and no further."""
        with suppress(StorageUnavailableError):
            self._journal.settle()
        db = self._journal._db  # noqa: SLF001 - there is no other disk to fill
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + more}")

    def close(self) -> None:
        self._journal.close()

    def content(self) -> Mapping[int, int]:
        return {key: packed for part in range(SHARDS) for key, packed in self.devices.shard(part).items()}


def found(directory: Path) -> Mapping[int, int]:
    """What a start finds."""
    memory = Memory(directory)
    memory.close()
    return memory.content()


def killed(directory: Path, copy: Path) -> Path:
    """The files as a process leaves them that is killed now."""
    shutil.copytree(directory, copy)
    return copy


def device(chance: random.Random) -> int:
    stage = chance.choice(records.STAGES[1:])
    standing = Standing(chance.randrange(1, 50), chance.randrange(1, 50), stage, chance.randrange(16))
    return records.heard_now(0, records.said(standing), int(NOW // 3600) + chance.randrange(10))


def changes(chance: random.Random, number: int, keys: list[int], fingerprints: int = 0) -> Changes:
    some = {key: device(chance) if chance.random() < 0.9 else 0 for key in chance.sample(keys, number)}
    return Changes(NOW, devices=some, fingerprints={chance.getrandbits(60): int(NOW) for _ in range(fingerprints)})


def rows(directory: Path, query: str) -> int:
    with closing(sqlite3.connect(directory / "ledger.db")) as db:
        (number,) = db.execute(query).fetchone()
    return int(number)


@pytest.mark.parametrize("memory", [10, 100_000])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_loaded_is_what_was_live_at_any_cut(tmp_path: Path, seed: int, memory: int) -> None:
    """However much of it is in the table, and whether the fingerprints beside it have left memory or not."""
    chance = random.Random(seed)
    keys = [chance.getrandbits(60) for _ in range(3000)]
    live = Memory(tmp_path / "live", memory)
    for step in range(60):
        live.commit(changes(chance, chance.choice((1, 5, 400)), keys, fingerprints=chance.randrange(4)))
        if step % 7 == seed:
            assert found(killed(tmp_path / "live", tmp_path / str(step))) == live.content()
        if step % 20 == 19:
            before = live.content()
            live.close()
            live = Memory(tmp_path / "live", memory)
            assert live.content() == before
    live.close()


def test_the_commits_rows_are_joined_when_all_parts_are_written(tmp_path: Path) -> None:
    """What is in the table need not be kept in the rows as well, which stay for their fingerprints alone."""
    chance = random.Random(1)
    keys = [chance.getrandbits(60) for _ in range(3000)]
    live = Memory(tmp_path)
    sent = 0
    for _ in range(400):
        live.commit(changes(chance, 50, keys, fingerprints=5))
        sent += 5
    live.close()

    assert rows(tmp_path, "SELECT count(*) FROM devices") == SHARDS
    assert rows(tmp_path, "SELECT sum(length(devices)) FROM recent") < 16 * 50 * 400 / 1.5
    assert rows(tmp_path, "SELECT count(*) FROM recent") < 300
    assert rows(tmp_path, "SELECT sum(length(fingerprints)) FROM recent") == 16 * sent


def test_without_devices_rows_are_joined_as_well(tmp_path: Path) -> None:
    """A thousand fingerprints to a row take a fraction of a row for each post."""
    live = Memory(tmp_path)
    for number in range(2500):
        live.commit(Changes(NOW + number, fingerprints={number: int(NOW)}))
    live.close()

    assert rows(tmp_path, "SELECT count(*) FROM recent") < 1100
    assert rows(tmp_path, "SELECT sum(length(fingerprints)) FROM recent") == 16 * 2500
    assert rows(tmp_path, "SELECT at FROM recent ORDER BY tx LIMIT 1") == NOW


def test_versions_keep_their_numbers(tmp_path: Path) -> None:
    """And a number that is free again is not found."""
    one, other = (Version("com.acme.notes", "ios", name, test=False) for name in ("1.0", "1.1"))
    live = Memory(tmp_path)
    live.commit(Changes(NOW, numbers={2: one, 3: other}))
    live.commit(Changes(NOW, numbers={2: None}))
    live.close()

    again = Memory(tmp_path)
    assert (again.devices.numbers.of(one), again.devices.numbers.of(other)) == (None, 3)
    again.close()


def test_a_disk_that_is_full_for_a_while_costs_no_device(tmp_path: Path) -> None:
    """Whatever was to be written when it refused, a part of the table or a row."""
    chance = random.Random(1)
    keys = [chance.getrandbits(60) for _ in range(3000)]
    live = Memory(tmp_path / "live")
    refused = 0
    for step in range(120):
        if step % 3 == 0:
            live.limit_pages(chance.randrange(8))
        refused += not live.try_commit(changes(chance, 300, keys, fingerprints=20))
        live.limit_pages(2**30)
        if step % 20 == 19:
            assert found(killed(tmp_path / "live", tmp_path / str(step))) == live.content()
    live.close()
    assert refused > 1
