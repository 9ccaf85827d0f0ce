"""What a person sees of a run: a bar on a terminal with rich, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

Show = Callable[[float, str], None]
"""Called now and then with the seconds since the start and a line about the run."""

_PLAIN_SECONDS: Final = 10.0


@contextmanager
def progress(seconds: float) -> Iterator[Show]:
    """Show a run of `seconds` on standard error."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield _plain()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain()
        return
    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=seconds)
        yield lambda now, line: bar.update(task, completed=now, description=line)


def _plain() -> Show:
    due = 0.0

    def show(now: float, line: str) -> None:
        nonlocal due
        if now >= due:
            due = now + _PLAIN_SECONDS
            sys.stderr.write(f"{now:6.0f} s  {line}\n")
            sys.stderr.flush()

    return show


def summary(totals: dict[str, Any]) -> str:
    """A run in a few lines, from the totals of its report."""
    distinct, latency = totals["distinct_events"], totals["latency_ms"]
    replies = ", ".join(f"{count} {status}" for status, count in totals["status_codes"].items()) or "none"
    return (
        f"posts    {totals['posts']} in {totals['seconds']} s, {totals['posts_per_second']} a second, "
        f"{totals['retries']} of them again\n"
        f"replies  {replies}; p50 {latency['p50']} ms, p99 {latency['p99']} ms\n"
        f"events   {distinct['sent']} sent: {distinct['acknowledged']} acknowledged, {distinct['refused']} refused, "
        f"{distinct['unacknowledged']} unknown; {distinct['unsent']} never sent\n"
    )
