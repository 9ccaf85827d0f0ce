"""Who reads /metrics: a scraper, for whom held series move on, or somebody who just looks.

A person's curl must not use up the scrapes that a new series is held for. So only those count that show what they are;
but where none does, as with a collector that nobody here has heard of, everybody counts, or nothing would ever move.
"""

import re
from collections.abc import Callable
from typing import Final

SCRAPE_HEADER: Final = "X-Prometheus-Scrape-Timeout-Seconds"
"""Sent with every scrape by Prometheus and by what is made of its code, and by nobody who just looks."""

FORGOTTEN_AFTER: Final = 3600.0
"""Seconds after the last scrape that was known as one, when it is over: another collector has taken its place."""

_FORMATS: Final = re.compile(r"application/openmetrics-text|io\.prometheus\.client|version=\"?0\.0\.4", re.IGNORECASE)
"""What only collectors ask for by name."""

_COLLECTORS: Final = re.compile(
    r"alloy|(?:amazon)?cloudwatch|datadog|elastic|fluent-?bit|grafana-?(?:agent|alloy)|metricbeat|netdata|new ?relic"
    r"|nri-|open-?telemetry|otel-?col|prometheus|splunk|sysdig|telegraf|vector|victoria-?metrics|vm_?(?:agent|promscrape)"
    r"|zabbix",
    re.IGNORECASE,
)
"""How their User-Agent begins."""


class Scrapers:
    """Tells scrapes from other requests; remembers when the last one came that was known as one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is in seconds, and never goes back."""
        self._clock = clock
        self._last: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since the last one; `None` if there was none."""
        return None if self._last is None else self._clock() - self._last

    def count(self, timeout: str | None, accept: str | None, user_agent: str | None) -> bool:
        """Whether a request with these headers counts as a scrape: `SCRAPE_HEADER`, `Accept` and `User-Agent`."""
        now = self._clock()
        if timeout is not None or _FORMATS.search(accept or "") or _COLLECTORS.match(user_agent or ""):
            self._last = now
            return True
        return self._last is None or now - self._last >= FORGOTTEN_AFTER
