"""Whatever bytes arrive, `decode` returns a batch or says that there is none, and one odd event costs no other."""

import json
from codecs import BOM_UTF8
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.wire.events import (
    REASONS,
    TIMESTAMP_LIMIT,
    Batch,
    Event,
    MalformedBodyError,
    Rejected,
    TooManyEventsError,
    _read_array,
    _read_object,
    decode,
    elements,
)
from tests.support.fixtures import load

MAX = 50


def joined(text: str) -> str:
    """A high and a low surrogate side by side are one character to a JSON parser."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


TEXTS = st.text(st.characters(), max_size=8).map(joined)  # lone surrogates among them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KINDS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(Event.__struct_fields__, TEXTS) | {
    "app_id": st.text(st.characters(), min_size=1, max_size=8).map(joined),
    "action": st.text(st.characters(), min_size=1, max_size=8).map(joined),
    "is_emulator": st.booleans(),
    "is_prod": st.booleans(),
    "timestamp": st.integers(0, TIMESTAMP_LIMIT),
    "metadata": st.dictionaries(TEXTS, TEXTS, max_size=3),
}
NEEDED = ("app_id", "action")
OPTIONAL = [name for name in KINDS if name not in NEEDED]
FIELDS = st.fixed_dictionaries(
    {name: KINDS[name] for name in NEEDED}, optional={name: KINDS[name] for name in OPTIONAL}
)
"""The fields of an event as a client sends them, each of its type, the optional ones there or not."""

ODD = st.dictionaries(st.sampled_from(list(KINDS)) | TEXTS, JSON | TEXTS, max_size=6)
"""Objects with the right names and anything as values."""

ELEMENTS = FIELDS | ODD | JSON

BODIES = [body for fixture in load() for body in fixture.bodies if len(body) < 2000]
MARKS = [*rb'" \ [ ] { } , : \ud800 1e999 NaN null'.split(), b"\xff", b"\xef\xbb\xbf"]


def fits(name: str, value: object) -> bool:
    """Whether a JSON value is of the field's type, written down a second time."""
    if name == "metadata":
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    if name == "timestamp":
        return type(value) is int and 0 <= value <= TIMESTAMP_LIMIT
    return isinstance(value, bool if name.startswith("is_") else str)


def dump(value: object, *, raw: bool) -> bytes:
    """JSON in ASCII or, if `raw`, with characters as they are, where a lone surrogate becomes invalid UTF-8."""
    separators = (",", ":") if raw else (" , ", " : ")
    return json.dumps(value, ensure_ascii=not raw, separators=separators).encode("utf-8", "surrogatepass")


def array(values: list[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def items(body: bytes) -> list[Event | Rejected]:
    return list(decode(body, MAX).items)


@st.composite
def mangled_bodies(draw: st.DrawFn) -> bytes:
    """Bodies of real clients and of odd events, with some bytes replaced, left out or put in."""
    body = bytearray(draw(st.sampled_from(BODIES) | st.lists(ELEMENTS, max_size=3).map(lambda it: dump(it, raw=True))))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 3))
        body[start:end] = draw(st.binary(max_size=3) | st.sampled_from(MARKS))
    return bytes(body)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60) | st.lists(st.sampled_from(MARKS), max_size=12).map(b"".join) | mangled_bodies())
def test_whatever_bytes_arrive_there_is_a_batch_or_none(body: bytes) -> None:
    """Nothing else is raised, and what is in the batch is of the types that it says."""
    try:
        batch = decode(body, MAX)
    except (MalformedBodyError, TooManyEventsError):
        return
    assert len(batch.items) <= MAX
    for item in batch.items:
        if isinstance(item, Rejected):
            assert item.reason in REASONS
        else:
            assert item.app_id
            assert item.action
            values = {name: getattr(item, name) for name in KINDS}
            assert all(value is None or fits(name, value) for name, value in values.items())


@settings(deadline=None)
@given(st.lists(ELEMENTS, max_size=5), st.booleans())
def test_an_event_is_read_the_same_alone_and_in_any_company(values: list[object], raw: bool) -> None:
    """So one odd event never costs its neighbours, and the fast way reads what the careful one reads."""
    bodies = [dump(value, raw=raw) for value in values]

    alone = [item for body in bodies for item in items(array([body]))]
    assert alone == items(array(bodies))
    assert [*alone, Rejected("not_an_object")] == items(array([*bodies, rb'"\ud800"']))


@settings(deadline=None)
@given(st.lists(ELEMENTS, max_size=3).map(lambda values: dump(values, raw=True)) | mangled_bodies())
def test_a_byte_order_mark_changes_nothing(body: bytes) -> None:
    """Whichever way a body is read; one mark, and at its beginning."""
    marked = BOM_UTF8 + body.removeprefix(BOM_UTF8)
    try:
        batch = decode(body, MAX)
    except (MalformedBodyError, TooManyEventsError) as error:
        with pytest.raises(type(error)):
            decode(marked, MAX)
    else:
        assert decode(marked, MAX) == batch


def test_more_than_a_byte_order_mark_is_no_json() -> None:
    """What a sender means by two of them, or by nothing else, nobody knows."""
    for body in (BOM_UTF8, BOM_UTF8 + BOM_UTF8 + b"[]", b" " + BOM_UTF8 + b"[]", b"[" + BOM_UTF8 + b"]"):
        with pytest.raises(MalformedBodyError):
            decode(body, MAX)


@settings(deadline=None)
@given(FIELDS | ODD, st.booleans())
def test_an_object_is_read_as_an_array_of_it(value: dict[str, object], raw: bool) -> None:
    """One device sends both forms within a minute."""
    body = dump(value, raw=raw)

    assert decode(body, MAX) == Batch(items(array([body])), array=False)


def test_the_careful_way_reads_what_clients_send_as_the_fast_way() -> None:
    """Nothing may change for a phone whose post arrives together with an odd event of its own."""
    for body in (body for fixture in load() for body in fixture.bodies):
        batch = decode(body, 1000)
        read = _read_array if batch.array else _read_object
        assert read(body.decode("utf-8", "surrogateescape").strip(), 1000) == batch.items


@settings(deadline=None)
@given(FIELDS)
def test_a_well_formed_event_is_read_as_it_was_sent(fields: dict[str, Any]) -> None:
    """No field is lost or changed, whatever the text in it."""
    assert items(dump(fields, raw=False)) == [Event(**fields)]


@settings(deadline=None)
@given(FIELDS, st.dictionaries(st.sampled_from(OPTIONAL), JSON, min_size=1), st.dictionaries(st.text("xyz"), JSON))
def test_a_field_of_a_wrong_type_counts_as_absent(
    fields: dict[str, Any], changed: dict[str, object], unknown: dict[str, object]
) -> None:
    """Null as well; and fields that nobody knows are of no account."""
    sent = fields | unknown | changed
    kept = {name: value for name, value in sent.items() if name in KINDS and fits(name, value)}

    assert items(dump(sent, raw=False)) == [Event(**kept)]


@pytest.mark.parametrize(
    ("timestamp", "read"),
    [
        ("0", 0),
        ("-0", 0),
        ("1795690800123", 1795690800123),
        ("9007199254740992", 2**53),
        ("9007199254740993", None),
        ("-1", None),
        ("1e12", None),
        ("1.0", None),
        ("1e400", None),
        ("9" * 5000, None),
        ('"1795690800123"', None),
        ("true", None),
        ("null", None),
    ],
)
@pytest.mark.parametrize("company", ["", ',"is_prod":"yes"'])
def test_a_timestamp_is_an_integer_that_json_can_hold(timestamp: str, read: int | None, company: str) -> None:
    """Anything else counts as absent; so it does beside another odd field."""
    body = f'{{"app_id":"com.acme.notes","action":"set","timestamp":{timestamp}{company}}}'

    assert items(body.encode()) == [Event(app_id="com.acme.notes", action="set", timestamp=read)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "missing_app_id"),
        ({"action": "set"}, "missing_app_id"),
        ({"action": "set", "app_id": None}, "missing_app_id"),
        ({"action": "set", "app_id": ""}, "missing_app_id"),
        ({"action": "set", "app_id": 7}, "invalid_app_id"),
        ({"app_id": "com.acme.notes"}, "missing_action"),
        ({"app_id": "com.acme.notes", "action": None}, "missing_action"),
        ({"app_id": "com.acme.notes", "action": ""}, "missing_action"),
        ({"app_id": "com.acme.notes", "action": ["set"]}, "invalid_action"),
        ([], "not_an_object"),
        ("set", "not_an_object"),
        (7, "not_an_object"),
        (None, "not_an_object"),
    ],
)
def test_an_event_that_cannot_be_counted_has_one_reason(value: object, reason: str) -> None:
    """`app_id` and `action` are all that is needed, as non-empty strings."""
    assert items(array([dump(value, raw=False)])) == [Rejected(reason)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"7",
        b'"set"',
        b"action=set",
        b"{",
        b"[",
        b"[{}",
        b"[{}}",
        b"[{}]]",
        b"[{},]",
        b"[,{}]",
        b"[{} {}]",
        b"{}{}",
        b'["]',
        b'{"app_id":"com.acme.notes","action":"set"',
        b'{"app_id":"com.acme.notes","action":"set"}x',
        b"{'app_id':'com.acme.notes','action':'set'}",
        b'[{"app_id":"com.acme.notes","action":"set","timestamp":NaN}]',
        b'[{"app_id":"com.acme.notes","action":"set","timestamp":01}]',
        b'[{"app_id":"com.acme.notes","action":"s\\et"}]',
        b'[{"app_id":"com.acme.notes","action":"s\net"}]',
        '{"app_id":"com.acme.notes","action":"set"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:50]),
)
def test_what_is_not_json_is_no_batch(body: bytes) -> None:
    """Nor is JSON that is neither an object nor an array."""
    with pytest.raises(MalformedBodyError):
        decode(body, MAX)


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", b"\r\n[\t]\n"])
def test_an_empty_array_is_an_empty_batch(body: bytes) -> None:
    """It is a batch all the same, and is answered as one."""
    assert decode(body, MAX) == Batch([], array=True)


@pytest.mark.parametrize("element", [b'{"app_id":"com.acme.notes","action":"set"}', rb'"\ud800"'])
def test_an_array_of_more_events_than_a_batch_may_hold_is_refused(element: bytes) -> None:
    """One more is one too many, whichever way it is read."""
    assert len(items(array([element] * MAX))) == MAX
    with pytest.raises(TooManyEventsError):
        decode(array([element] * (MAX + 1)), MAX)


@settings(deadline=None)
@given(st.lists(ELEMENTS, max_size=5))
def test_an_array_can_be_cut_into_the_texts_of_its_elements(values: list[object]) -> None:
    """The event log writes each of them as its client sent it."""
    assert [json.loads(text) for text in elements(dump(values, raw=False).decode())] == values
