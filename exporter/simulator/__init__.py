"""A fleet of devices that posts to a statsUrl as the real plugin does, and accounts for every event."""

import asyncio
import json
import signal
import sys
from typing import Any, Final

from exporter.simulator.fleet import Fleet
from exporter.simulator.options import Options
from exporter.simulator.terminal import Show, progress, summary

__all__ = ["Options", "run"]

_SHOW_SECONDS: Final = 0.5


def run(options: Options) -> int:
    """Let a fleet live as `options` say and write its account; returns 0 if at least one event was acknowledged.

    SIGINT and SIGTERM end it early, with an account that is as exact; a second signal ends it at once. Raises
    `OSError` if the report can't be written, which is tried first.
    """
    target = options.report.open("w") if options.report else None
    try:
        report = asyncio.run(_run(options))
        if target:
            json.dump(report, target, indent=1)
            target.write("\n")
    finally:
        if target:
            target.close()
    sys.stdout.write(summary(report["totals"]))
    return 0 if report["totals"]["distinct_events"]["acknowledged"] else 1


async def _run(options: Options) -> dict[str, Any]:
    fleet = Fleet(options)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        fleet.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    with progress(options.duration) as show:
        watch = loop.create_task(_watch(fleet, show))
        await fleet.run()
        watch.cancel()
    return fleet.report()


async def _watch(fleet: Fleet, show: Show) -> None:
    loop = asyncio.get_running_loop()
    begun, last, posts = loop.time(), loop.time(), 0
    while True:
        await asyncio.sleep(_SHOW_SECONDS)
        now = loop.time()
        rate = (fleet.figures.posts - posts) / (now - last)
        last, posts = now, fleet.figures.posts
        figures, distinct = fleet.figures, fleet.account.totals()
        show(
            now - begun,
            f"{rate:.0f} posts/s, {figures.retries} again, p50 {figures.latency_ms(0.5)} ms, "
            f"p99 {figures.latency_ms(0.99)} ms; events: {distinct['acknowledged']} acknowledged, "
            f"{distinct['refused']} refused, {distinct['unacknowledged']} unknown",
        )
