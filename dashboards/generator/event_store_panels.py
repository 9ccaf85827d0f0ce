"""Panels of Exporter about the log store that it sends events to, if it does."""

from dashboards.generator.charts import bar_gauge, lines
from dashboards.generator.colors import BLUE, MAGENTA, fixed, named
from dashboards.generator.panels import Panel, Query, override
from dashboards.generator.replicas import RATE
from dashboards.generator.selectors import own


def event_store_panels() -> list[Panel]:
    return [
        bar_gauge(
            "Lost on the way to the log store",
            "Events that `--event-store` could not hand over, by reason; they were counted. `given_up`: the store was "
            "away for over five minutes; `buffer_full`: it was away or slow while much happened; `refused`: it says "
            "why in the exporter's log. CapgoEventStoreDropping fires at once. Good: 0, also without a store.",
            (8, 8),
            Query(f"sort_desc(sum by (reason) (increase({own('event_store_dropped_total')}[$__range])))", "{{reason}}"),
        ),
        lines(
            "Batches by the log store's reply",
            "Tries to hand over a batch, a second, by status code; `none` is no answer. Good: 200 or 204. 429 and 5xx "
            "are tried again, anything else is dropped. Nothing without a store.",
            (8, 8),
            Query(f"sum by (code) (rate({own('event_store_batches_total')}[{RATE}]))", "{{code}}"),
            unit="reqps",
            overrides=[*named({"200": BLUE, "204": BLUE}), override("byRegexp", "/^5|^4|none/", fixed(MAGENTA))],
            no_value="No log store",
        ),
        lines(
            "Waiting for the log store",
            "Bytes of the posts whose events are still to be handed over, where most wait; 16 MiB is the most. Good: "
            "near 0; a slope is a store that is away.",
            (8, 8),
            Query(f"max({own('event_store_buffered_bytes')})", "most"),
            unit="bytes",
            overrides=named({"most": BLUE}),
        ),
    ]
