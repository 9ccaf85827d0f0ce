"""README's tables and the program say the same."""

import re
from types import NoneType
from typing import get_args, get_origin, get_type_hints

import msgspec

from exporter.metrics.telemetry import LEDGER_FAMILIES, RUNNING, TRYING, Telemetry
from exporter.settings import Settings
from exporter.wire.events import Event
from exporter.wire.refusals import EVENT_REFUSALS, REQUEST_REFUSALS
from tests.support import readme
from tests.unit.counting.test_ledger import make

ROOT = readme.ROOT
README = readme.README.read_text()
TYPES: dict[object, str] = {str: "string", bool: "boolean", int: "integer", dict: "object of strings"}


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return re.split(r"^#+ ", README.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def test_every_setting_is_listed_with_its_default() -> None:
    """In the order of the help."""
    rows = re.findall(r"^\| `--([a-z-]+)` \| (?:`(.*?)`)? ?\|", section("Settings"), re.M)
    defaults = {name.replace("_", "-"): field.default for name, field in Settings.model_fields.items()}

    assert [name for name, _ in rows] == list(defaults)
    assert dict(rows) == {
        name: str(default).lower() if isinstance(default, bool) else str(default) for name, default in defaults.items()
    }


def test_every_field_that_counts_is_listed_with_its_type() -> None:
    """And which ones are needed; no other field of a post is looked at."""
    rows = readme.table(readme.README, "field")
    hints = get_type_hints(Event)

    assert {name: (kind, needed == "yes") for name, (kind, needed, _) in rows.items()} == {
        field.name: (TYPES[_bare(hints[field.name])], field.required) for field in msgspec.structs.fields(Event)
    }


def _bare(hint: object) -> object:
    """A type without what it may be instead: nothing."""
    kinds = [kind for kind in get_args(hint) or [hint] if kind is not NoneType]
    return get_origin(kinds[0]) or kinds[0]


def test_every_refusal_is_listed_with_its_status() -> None:
    """A reason is the word in the reply, in the metric and in the log."""
    text = section("Replies")

    for name, refusal in (EVENT_REFUSALS | REQUEST_REFUSALS).items():
        before = text.split(f"`{name}`")[0]
        assert re.findall(r"\b[45]\d\d\b", before)[-1] == str(refusal.status), name


def test_every_metric_is_listed_with_its_type_and_labels() -> None:
    """And none that does not exist."""
    rows = re.findall(r"^\| `(capgo_\w+)` \| (\w+) \| ([\w, ]*?) ?\|", section("Metrics"), re.M)
    listed = {name: (kind, labels) for name, kind, labels in rows}

    families = [(family.name, family.type) for family in Telemetry().families(make().view())]
    families += [(family.name, family.kind) for family in LEDGER_FAMILIES]
    families += [(family.name, "gauge") for family in (RUNNING, TRYING)]
    assert {name: kind for name, (kind, _) in listed.items()} == {
        name + ("_total" if kind == "counter" else ""): kind for name, kind in families if name.startswith("capgo_")
    }


def test_every_file_that_is_linked_exists() -> None:
    """A picture that is missing is the first thing a newcomer sees."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
