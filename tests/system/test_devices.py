"""What /metrics says of devices is what their own account has, device by device, over crashes and restarts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.bodies import event
from tests.support.fleet import Fleet
from tests.support.harness import Exporter, wait_until
from tests.support.updates import Key, assert_remembers, remembers, shown
from tests.system.conftest import Launch
from tests.system.ledgers import backup, command

ROLLOUTS = {
    "good": {},
    "rolled back on android": {"fail": "android:update_fail=0.3"},
    "breaking in all ways": {
        "fail": ",".join(
            f"{platform}:{failure}=0.1"
            for platform in ("android", "ios", "electron")
            for failure in ("download_fail", "set_fail", "update_fail", "checksum_fail", "download_manifest_file_fail")
        )
    },
    "stalling": {"stall": "android:50=0.3,ios:70=0.3"},
}


@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_devices_are_where_their_account_has_them(tmp_path: Path, rollout: str) -> None:
    """Each phone's true state, for a rollout of each kind; and the same after a crash, and after a restart."""
    with Exporter(tmp_path) as exporter:
        options = {"devices": "200", "rate": "0", "duration": "1s", **ROLLOUTS[rollout]}
        with Fleet(tmp_path / "fleet", exporter.port, **options) as fleet:
            memory = fleet.memory()
        assert_shows(exporter, memory)
        exporter.kill()
        exporter.start()
        assert_shows(exporter, memory)
        assert exporter.terminate() == 0
        exporter.start()
        assert_shows(exporter, memory)


def assert_shows(exporter: Exporter, memory: dict[str, Any]) -> None:
    """What its devices told; a scrape that waits for its turn in vain shows what the last one did."""
    with suppress(AssertionError):
        wait_until(lambda: remembers(exporter.scrape(), [memory]), "it shows what its devices told")
    assert_remembers(exporter.scrape(), [memory])


def a_phone(device_id: str, action: str, version: str | None = "1.4.2", **fields: object) -> dict[str, object]:
    return event(device_id=device_id, action=action, version_name=version, **fields)


def stages(exporter: Exporter) -> dict[Key, int]:
    return dict(shown(exporter.scrape(), "capgo_device_stages_total"))


SHOP = ("com.example.shop", "android", "1.4.2")


def test_a_device_is_one_however_its_id_is_spelt_and_a_developers_own_is_none(launch: Launch) -> None:
    """A phone changes its spelling at an upgrade of the plugin; without an id there is no telling who it is."""
    exporter = launch()
    exporter.deliver([a_phone("0F673663-459A", "set")])
    exporter.deliver([a_phone("0f673663-459a", "app_moved_to_foreground")])
    exporter.deliver([a_phone("0f673663-459a", "set", app_id="com.example.other")])
    exporter.deliver([a_phone("", "set"), a_phone("", "update_fail")])
    exporter.deliver(event(device_id=None))
    exporter.deliver([a_phone("dev", "set", is_prod=False), a_phone("emulator", "set", is_emulator=True)])

    exporter.scrape()
    other = ("com.example.other", *SHOP[1:])
    scrape = exporter.scrape()
    assert shown(scrape, "capgo_devices", window="1d") == {SHOP: 1, other: 1}
    assert stages(exporter) == {(*SHOP, "installed"): 1, (*other, "installed"): 1}
    assert scrape.value("capgo_exporter_devices") == 2


def test_what_is_sent_again_tells_nothing_new(launch: Launch) -> None:
    """A lost reply brings the same events again, and after what has happened since."""
    exporter = launch()
    failed = [a_phone("a", "set"), a_phone("a", "update_fail")]
    exporter.deliver(failed)
    exporter.deliver([a_phone("a", "set", "1.4.3")])
    exporter.deliver([*failed, a_phone("a", "app_moved_to_background", "1.4.1")])

    exporter.scrape()
    assert shown(exporter.scrape(), "capgo_devices", window="7d") == {(*SHOP[:2], "1.4.1"): 1}
    assert shown(exporter.scrape(), "capgo_rollout_devices") == {(*SHOP, "failed"): 1}


def test_max_devices_0_keeps_none(launch: Launch) -> None:
    """Nor what was kept before."""
    exporter = launch()
    exporter.deliver([a_phone("a", "set")])
    assert exporter.terminate() == 0
    exporter.restart(max_devices="0")
    exporter.deliver([a_phone("b", "set")])

    exporter.scrape()
    scrape = exporter.scrape()
    assert shown(scrape, "capgo_devices", window="30d") == shown(scrape, "capgo_rollout_devices") == {}
    assert stages(exporter) == {(*SHOP, "installed"): 1}
    assert [scrape.value(f"capgo_exporter_devices{what}") for what in ("", "_limit", "_dropped_total")] == [0, 0, 1]


def test_what_is_over_the_limit_pushes_out_the_longest_unheard(launch: Launch) -> None:
    """And says how many."""
    exporter = launch(max_devices="3")
    for device in "abcde":
        exporter.deliver([a_phone(device, "set", f"1.0.{ord(device)}")])

    scrape = exporter.scrape()
    names = {version for _, _, version in shown(scrape, "capgo_devices", window="1d")}
    assert names == {f"1.0.{ord(device)}" for device in "cde"}
    assert scrape.value("capgo_exporter_devices") == scrape.value("capgo_exporter_devices_limit") == 3
    assert scrape.value("capgo_exporter_devices_dropped_total") == 2


def test_a_restored_copy_remembers_what_it_knew_and_counts_from_0(launch: Launch, tmp_path: Path) -> None:
    """Devices are where they were when the copy was made, until they speak again."""
    exporter = launch()
    exporter.deliver([a_phone("a", "download_zip_start")])
    copy = tmp_path / "copy.db"
    backup(exporter, copy)
    exporter.deliver([a_phone("a", "download_complete")])
    assert exporter.terminate() == 0
    assert command("restore", str(copy), "--data-dir", str(tmp_path / "again" / "data")).returncode == 0

    again = Exporter(tmp_path / "again")
    again.argv.append("--restored")
    with again:
        again.scrape()
        assert shown(again.scrape(), "capgo_rollout_devices") == {(*SHOP, "downloading"): 1}
        assert stages(again) == {}
        again.deliver([a_phone("a", "set")])
        again.scrape()
        assert shown(again.scrape(), "capgo_rollout_devices") == {(*SHOP, "installed"): 1}
        assert stages(again) == {(*SHOP, "installed"): 1}
