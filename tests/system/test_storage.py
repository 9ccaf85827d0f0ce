"""No space on the disk: nothing is acknowledged that is not written, and nothing has to be mended by hand."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.support.bodies import event, events
from tests.support.contract import OK, assert_refused
from tests.support.harness import Exporter, wait_until
from tests.system.conftest import Launch
from tests.system.ledgers import command
from tests.system.test_metrics import assert_sums_hold

COUNTED = "capgo_exporter_events_counted_total"
ERRORS = "capgo_exporter_commit_errors_total"


@contextmanager
def full_disk(exporter: Exporter) -> Iterator[None]:
    """No file of the running process, its log included, takes another byte."""
    exporter.limit(resource.RLIMIT_FSIZE, 0)
    yield
    exporter.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)


def is_ready(exporter: Exporter) -> bool:
    return exporter.private("/readyz").status == 200


def test_a_post_that_cannot_be_written_is_refused_and_not_counted(launch: Launch) -> None:
    """503, so that current clients send it again; alone or in an array; then it counts once."""
    exporter = launch()
    assert exporter.post(events(5)).status == 200
    before, refused = exporter.scrape(), [event(), events(3)]

    with full_disk(exporter):
        for body in (*refused, *refused):
            assert_refused(exporter.post(body), 503, "storage_unavailable")
        during = exporter.scrape()
        assert_sums_hold(during)
        assert during.value(COUNTED) == before.value(COUNTED)
        assert during.series("capgo_events_total") == before.series("capgo_events_total")

    for body in (*refused, *refused):
        assert exporter.post(body).status == 200
    after = exporter.scrape()
    assert after.value(COUNTED) == before.value(COUNTED) + 4
    assert after.value("capgo_exporter_events_duplicate_total") == 4
    exporter.kill()
    exporter.restart()
    assert exporter.scrape().total("capgo_events_total") == 9


def test_a_full_disk_shows_and_passes_by_itself(launch: Launch) -> None:
    """Not ready, so that a balancer sends posts elsewhere; ready again without a post, for none would come."""
    exporter = launch()
    before = exporter.scrape().value(ERRORS)

    with full_disk(exporter):
        assert exporter.post(event()).status == 503
        assert not is_ready(exporter)
        during = exporter.scrape()
        assert during.value("capgo_exporter_ready") == 0
        assert during.value(ERRORS) > before
        assert exporter.private("/healthz").status == 200, "to restart it would not help"

    wait_until(lambda: is_ready(exporter), "it is ready again")
    assert exporter.scrape().value("capgo_exporter_ready") == 1
    assert exporter.post(event()).body == OK


def test_a_data_directory_that_is_moved_away_takes_no_event_along(launch: Launch) -> None:
    """Or a file that was deleted: nothing is acknowledged that no start would find, and all goes on when it is back."""
    exporter = launch()
    assert exporter.post(events(5)).status == 200
    before, batch = exporter.scrape(), events(3)
    away = exporter.data.rename(exporter.directory / "away")

    assert_refused(exporter.post(batch), 503, "storage_unavailable")
    assert not is_ready(exporter)
    during = exporter.scrape()
    assert during.value("capgo_exporter_ready") == 0
    assert during.series("capgo_events_total") == before.series("capgo_events_total")

    away.rename(exporter.data)
    assert exporter.post(batch).status == 200
    exporter.kill()
    exporter.restart()
    assert exporter.scrape().total("capgo_events_total") == 8
    assert "was deleted, moved or replaced while in use" in exporter.logs()


def test_a_backup_from_a_full_disk_is_refused_and_holds_nobody_up(launch: Launch, tmp_path: Path) -> None:
    """A transaction that failed may be open still; a copy that waited for its end would wait for ever."""
    exporter = launch()
    words = ("backup", str(tmp_path / "copy.db"), "--data-dir", str(exporter.data))

    with full_disk(exporter):
        assert exporter.post(event(version_name="2.0.0")).status == 503
        refused = command(*words)

    assert refused.returncode == 1
    assert f"no copy was made: the exporter says: {exporter.data} can't hold a copy" in refused.stderr
    wait_until(lambda: is_ready(exporter), "it is ready again")
    assert exporter.post(event()).body == OK
    assert command(*words).returncode == 0


def test_many_clients_lose_nothing_over_a_full_disk(launch: Launch) -> None:
    """Eight clients post while the disk fills and empties four times, each event until it is acknowledged."""
    exporter = launch()

    def client(number: int) -> int:
        mine = [events(3, device_id=f"device {number}") for _ in range(40)]
        for batch in mine:
            while exporter.post(batch).status != 200:
                pass
        return sum(len(batch) for batch in mine)

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(client, number) for number in range(8)]
        for _ in range(4):
            errors = exporter.scrape().value(ERRORS)
            with full_disk(exporter):
                wait_until(
                    lambda errors=errors: exporter.scrape().value(ERRORS) > errors or all(c.done() for c in clients),  # type: ignore[misc]
                    "a commit fails",
                )
        acknowledged = sum(done.result() for done in clients)

    assert exporter.scrape().total("capgo_events_total") == acknowledged
    assert exporter.terminate() == 0
    exporter.restart()
    assert exporter.scrape().total("capgo_events_total") == acknowledged


def test_a_scrape_is_served_from_a_full_disk(launch: Launch) -> None:
    """What can't be written is not shown: a new series stays out, the others stand still, and nothing goes back."""
    exporter = launch(zero_hold="1s")
    assert exporter.post(events(5)).status == 200
    shown = exporter.scrape().series("capgo_events_total")
    assert exporter.post(events(5, version_name="2.0.0")).status == 200

    with full_disk(exporter):
        scrapes = [exporter.scrape() for _ in range(3)]

    for scrape in scrapes:
        assert scrape.series("capgo_events_total") == shown
        assert_sums_hold(scrape)
    wait_until(lambda: exporter.scrape().total("capgo_events_total") == 10, "all is shown at last")
