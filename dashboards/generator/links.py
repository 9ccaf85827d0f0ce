"""Where the links in alerts lead: whole addresses, as whoever is paged has no folder to look them up in."""

from typing import Final, NamedTuple

RUNBOOK_PAGE: Final = "consoles/runbook.html"
"""Of Prometheus, which serves it where it is started with `--web.console.templates`, as in compose."""


class Links(NamedTuple):
    """Without a slash at the end; by default those of compose, on the same machine."""

    grafana: str = "http://localhost:3000"
    runbook: str = f"http://localhost:9090/{RUNBOOK_PAGE}"
    """A page with a heading for each alert."""


COMPOSE: Final = Links()
