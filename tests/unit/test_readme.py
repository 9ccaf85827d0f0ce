"""README's tables and the program say the same, in each of its languages."""

import re
from types import NoneType
from typing import get_args, get_origin, get_type_hints

import msgspec
import pytest

from exporter.metrics.ledger_families import LEDGER_FAMILIES, RUNNING, TRYING
from exporter.metrics.telemetry import Telemetry
from exporter.settings import Settings
from exporter.wire.events import Event
from exporter.wire.refusals import EVENT_REFUSALS, REQUEST_REFUSALS
from tests.support.ledgers import make
from tests.support.readme import ENGLISH, JAPANESE, READMES, ROOT, Readme, anchors, code

in_each_language = pytest.mark.parametrize("readme", READMES, ids=[readme.path.name for readme in READMES])


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return re.split(r"^#+ ", ENGLISH.text.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


@in_each_language
def test_every_setting_is_listed_with_its_default(readme: Readme) -> None:
    """In the order of the help."""
    defaults = {f"--{name.replace('_', '-')}": field.default for name, field in Settings.model_fields.items()}
    listed = {flag: default.strip("`") for flag, (default, _) in readme.table(readme.flag).items()}

    assert [*listed] == [*defaults]
    assert listed == {
        flag: str(default).lower() if isinstance(default, bool) else str(default) for flag, default in defaults.items()
    }


@in_each_language
def test_every_field_that_counts_is_listed_with_its_type(readme: Readme) -> None:
    """And which ones are needed; no other field of a post is looked at."""
    rows = readme.table(readme.field)
    hints = get_type_hints(Event)

    assert {name: (kind, bool(needed)) for name, (kind, needed, _) in rows.items()} == {
        field.name: (readme.types[_bare(hints[field.name])], field.required) for field in msgspec.structs.fields(Event)
    }


def _bare(hint: object) -> type:
    """A type without what it may be instead: nothing."""
    kinds = [kind for kind in get_args(hint) or [hint] if kind is not NoneType]
    bare = get_origin(kinds[0]) or kinds[0]
    assert isinstance(bare, type)
    return bare


@in_each_language
def test_every_refusal_is_listed_with_its_status(readme: Readme) -> None:
    """A reason is the word in the reply, in the metric and in the log."""
    text = " ".join(cell for row in readme.table(readme.case).values() for cell in row)

    for name, refusal in (EVENT_REFUSALS | REQUEST_REFUSALS).items():
        before, found, _ = text.partition(f"`{name}`")
        assert found, name
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


@in_each_language
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(readme: Readme) -> None:
    """A picture that is missing is the first thing a newcomer sees."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", readme.text)
    assert links
    assert [link for link in links if not _leads_somewhere(readme, *link)] == []


def _leads_somewhere(readme: Readme, name: str, heading: str) -> bool:
    path = ROOT / (name or readme.path)
    return path.exists() and (not heading or heading in anchors(path.read_text()))


@in_each_language
def test_every_language_leads_to_the_others(readme: Readme) -> None:
    """In its first lines."""
    names = {other.path.name for other in READMES} - {readme.path.name}

    assert names <= set(re.findall(r"\]\((.*?)\)", readme.text[:200]))


def test_what_is_to_be_typed_in_japanese_is_what_is_to_be_typed_in_english() -> None:
    """No block, word or address is another, and nothing of the first ten minutes is missing: a test walks those."""
    words = re.findall(r"`([^`\n]+)`", JAPANESE.text)
    addresses = re.findall(r"https?://[\w.:/-]+", JAPANESE.text, re.ASCII)

    assert [text for text in (*JAPANESE.blocks(), *words, *addresses) if text not in ENGLISH.text] == []
    for program in ("make", "curl", "ssh"):
        assert JAPANESE.commands(program) == ENGLISH.commands(program)
    assert JAPANESE.blocks("ts") == ENGLISH.blocks("ts")


def test_the_tables_in_japanese_name_what_those_in_english_name() -> None:
    """Row by row the same words of code, however the sentence between them runs."""
    for english, japanese in zip(ENGLISH.tables(), JAPANESE.tables(), strict=True):
        for (_, here), (_, there) in zip(english.items(), japanese.items(), strict=True):
            assert sorted(code("".join(here))) == sorted(code("".join(there)))
