"""A counter with a label whose values are known: all are there from the start, so that no first increase is missed."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter


def labelled(name: str, text: str, label: str, values: Iterable[str], registry: CollectorRegistry) -> Counter:
    """One of them, at 0 for each of `values`; others may come later."""
    counter = Counter(name, text, [label], registry=registry)
    for value in values:
        counter.labels(value)
    return counter
