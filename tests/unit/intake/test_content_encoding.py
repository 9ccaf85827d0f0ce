"""A body is refused for its compression, and for nothing else that a sender writes into that header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.content_encoding import is_compressed

PLAIN = [
    "",
    " ",
    "identity",
    "IDENTITY",
    " identity ",
    "UTF-8",
    "utf-8",
    "utf8",
    "utf_8",
    "US-ASCII",
    "ascii",
    "latin1",
]
PLAIN += ["ISO-8859-1", "iso8859_15", "windows-1252", "cp1252", "UTF-16LE", "charset=utf-8", "charset = UTF-8"]
PLAIN += ['"utf-8"', 'charset="utf-8"', "gb18030", "Shift_JIS", "koi8-r", "EUC-JP"]
PLAIN += ["none", "binary", "8bit", "7BIT", "unicode", "ANSI"]
COMPRESSED = [
    "gzip",
    "GZIP",
    "x-gzip",
    "br",
    "deflate",
    "zstd",
    "compress",
    "x-compress",
    "snappy",
    "lz4",
    "dcb",
    "exi",
]
COMPRESSED += ["x", "aes128gcm", "zlib", "bzip2", "xz", "utf-8+gzip", "gzip;q=1", "charset=", "base64", "*"]


@pytest.mark.parametrize("header", PLAIN)
def test_no_coding_or_a_character_set_is_no_compression(header: str) -> None:
    """The body says itself whether it can be read."""
    assert not is_compressed(header)


@pytest.mark.parametrize("header", COMPRESSED)
def test_every_other_coding_is(header: str) -> None:
    """No client of the plugin sends one, and a bomb hides in it."""
    assert is_compressed(header)


@given(st.lists(st.sampled_from(PLAIN + COMPRESSED), min_size=1, max_size=4))
def test_of_several_codings_each_counts(codings: list[str]) -> None:
    """In whatever order they were applied."""
    assert is_compressed(", ".join(codings)) == any(coding in COMPRESSED for coding in codings)


@given(st.text())
def test_whatever_it_says_there_is_an_answer(header: str) -> None:
    """At once: it may be as long as a header may be."""
    assert is_compressed(header * 50) in (True, False)
