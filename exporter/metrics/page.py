"""The landing page as HTML: whether posts arrive, what was refused, what is set, and where to look further."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from exporter.counting.view import Heard, Newest
from exporter.metrics.markup import Html, element, table, together
from exporter.metrics.reception import Refused
from exporter.metrics.style import STYLE
from exporter.metrics.tally import Tally
from exporter.wire.refusals import EVENT_REFUSALS, REQUEST_REFUSALS

REFRESH_SECONDS: Final = 5

DASHBOARDS: Final = ("overview", "rollout", "health", "downloads", "events", "exporter")

_REFUSALS: Final = EVENT_REFUSALS | REQUEST_REFUSALS
_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))


class Facts(NamedTuple):
    """What holds for as long as the process lives; nothing in it is a secret.

    `example` is a command that posts an event; `settings` are those that matter, by their flags; `grafana` is empty
    where nobody said where it is.
    """

    version: str
    example: str
    settings: Mapping[str, str]
    grafana: str


class Known(NamedTuple):
    """What is known at the time `now`; all times are in seconds since the epoch.

    `since` is the start, and what `tally` and `refusals` count begins there; `unready` is why no post can be counted.
    """

    now: float
    since: float
    unready: str | None
    newest: Newest
    asked: float | None
    scraped: float | None
    tally: Tally
    refusals: Mapping[str, Refused]


def page(facts: Facts, known: Known) -> str:
    """The whole of it."""
    head = together(
        Html(f'<meta charset="utf-8"><meta http-equiv="refresh" content="{REFRESH_SECONDS}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", "capgo-exporter"),
        element("style", Html(STYLE)),
    )
    parts = (_top(facts), _state(known), _arrived(facts, known), _refused(known), _settings(facts), _bottom())
    body = element("main", *parts)
    return "<!DOCTYPE html>\n" + element("html", element("head", head), element("body", body), lang="en")


def _top(facts: Facts) -> Html:
    title = element("h1", f"capgo-exporter {facts.version}")
    own = _links({"Metrics": "/metrics", "Readiness": "/readyz", "Health": "/healthz", "README": "/readme"})
    if not facts.grafana:
        return together(title, own)
    dashboards = {name.capitalize(): f"{facts.grafana}/d/live-updates-{name}" for name in DASHBOARDS}
    return together(title, own, _links(dashboards, "Dashboards:"))


def _links(places: Mapping[str, str], *before: str) -> Html:
    return element("nav", *before, *(element("a", text, href=address) for text, address in places.items()))


def _state(known: Known) -> Html:
    """The answer to what whoever comes here asks."""
    if known.unready:
        return _said("Posts can't be counted now: ", element("code", known.unready))
    newest = max((heard.last for heard in known.newest.versions), default=None)
    later = [*_told(known, newest or 0.0)]
    if newest is not None:
        return _said("The newest event was counted ", _time(newest, known.now), ".", *later, good=not later)
    return _said("No event has been counted yet.", *later) if later else _said("Nothing has arrived yet.")


def _told(known: Known, after: float) -> Iterator[str]:
    """What was refused after the newest event."""
    for reason, refused in known.refusals.items():
        if refused.last > after:
            yield from (" Refused: ", element("code", reason), f" {refused.number}, last ")
            yield from (_time(refused.last, known.now), ".")


def _said(*words: str, good: bool = False) -> Html:
    return element("p", *words, class_="state good" if good else "state")


def _arrived(facts: Facts, known: Known) -> Html:
    return together(
        element("h2", "What arrived"),
        _versions(known.newest, known.now) if known.newest.versions else _first_post(facts),
        element("p", *_since_start(known), class_="quiet"),
    )


def _first_post(facts: Facts) -> Html:
    return together(element("p", "An event to begin with:"), element("pre", element("code", facts.example)))


def _versions(newest: Newest, now: float) -> Html:
    versions = table(
        ("App", "Version", "Platform", "Devices", "Newest event", "Events", "Failures"),
        (_version(heard, now) for heard in newest.versions),
    )
    more = element("p", f"… and {newest.others} more, which were heard from before.") if newest.others else Html()
    note = element(
        "p",
        "Failures are set_fail, update_fail and download_fail. Test devices are emulators and development builds; "
        "they are counted apart. After a restart a time may be an hour old.",
        class_="quiet",
    )
    return together(versions, more, note)


def _version(heard: Heard, now: float) -> Sequence[str]:
    app_id, platform, version, test = heard.version
    numbers = _number(heard.events), _number(heard.failures, bad=True)
    return app_id, version, platform, "test" if test else "production", _time(heard.last, now), *numbers


def _since_start(known: Known) -> Iterator[str]:
    tally = known.tally
    requests = sum(refused.number for reason, refused in known.refusals.items() if reason in REQUEST_REFUSALS)
    yield from ("Since the start, ", _time(known.since, known.now), f": {_many(tally.counted, 'event')} counted, ")
    yield f"{_many(tally.duplicate, 'repeat')} of these, {_many(sum(tally.rejected), 'event')} and "
    yield f"{_many(requests, 'whole request')} refused, {sum(tally.ignored)} ignored. "
    yield from ("The public port was asked last: ", _time_or_never(known.asked, known.now))
    yield from ("; Prometheus scraped last: ", _time_or_never(known.scraped, known.now), ".")


def _refused(known: Known) -> Html:
    title = element("h2", "What was refused")
    if not known.refusals:
        return together(title, element("p", "Nothing since the start."))
    rows = (
        (element("code", reason), _number(refused.number), _time(refused.last, known.now), _REFUSALS[reason].message)
        for reason, refused in known.refusals.items()
    )
    return together(title, table(("Reason", "Times", "Last", "Why"), rows))


def _settings(facts: Facts) -> Html:
    rows = ((element("code", flag), value) for flag, value in facts.settings.items())
    return together(element("h2", "Settings"), table(("Setting", "Value"), rows))


def _bottom() -> Html:
    return element("p", f"This page is loaded anew every {REFRESH_SECONDS} seconds.", class_="quiet")


def _number(value: int, bad: bool = False) -> Html:
    return element("span", str(value), class_="number some" if bad and value else "number")


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _time_or_never(at: float | None, now: float) -> str:
    return "never" if at is None else _time(at, now)


def _time(at: float, now: float) -> Html:
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return element("time", _ago(now - at), datetime=moment, title=moment)


def _ago(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"  # a clock may be set back
