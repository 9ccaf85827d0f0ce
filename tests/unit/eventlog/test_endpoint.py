"""A store's address and headers: taken whole, or refused with what would be right, and never quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.eventlog.endpoint import check_endpoint, read_headers


@pytest.mark.parametrize(
    "url",
    [
        "http://loki:3100/otlp/v1/logs",
        "https://logs-prod.example.com/otlp/v1/logs",
        "http://[::1]:9428/insert/opentelemetry/v1/logs?_stream_fields=service.name",
    ],
)
def test_an_address_is_taken(url: str) -> None:
    """With a path, and whatever query a store wants."""
    check_endpoint(url)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("loki:3100/otlp/v1/logs", "http or https"),
        ("ftp://loki/otlp/v1/logs", "http or https"),
        ("http:///otlp/v1/logs", "http or https"),
        ("http://loki:x/otlp/v1/logs", "http or https"),
        ("http://loki:70000/otlp/v1/logs", "http or https"),
        ("http://loki:0/otlp/v1/logs", "http or https"),
        ("http://[::1/otlp/v1/logs", "http or https"),
        ("http://loki/otlp/v1/logs\r\nX: y", "http or https"),
        ("http://loki/otlp v1/logs", "http or https"),
        ("http://lokí/otlp/v1/logs", "http or https"),
        ("http://loki:3100", "/otlp/v1/logs"),
        ("http://loki:3100/", "/otlp/v1/logs"),
        ("http://loki:3100/otlp/v1/logs#x", "/otlp/v1/logs"),
        ("http://jane:hidden@loki/otlp/v1/logs", "--event-store-headers"),
        ("http://hidden@loki/otlp/v1/logs", "--event-store-headers"),
    ],
)
def test_an_address_that_can_not_be_meant_is_refused(url: str, hint: str) -> None:
    """With the right form, and without a password that was in it."""
    with pytest.raises(ValueError, match=hint) as refused:
        check_endpoint(url)

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", {}),
        ("Authorization=Basic Zm9vOmJhcg==", {"Authorization": "Basic Zm9vOmJhcg=="}),
        ("Authorization=Basic%20Zm9vOmJhcg%3D%3D", {"Authorization": "Basic Zm9vOmJhcg=="}),
        (" X-Scope-OrgID = team-a , b=1%2C2,", {"X-Scope-OrgID": "team-a", "b": "1,2"}),
    ],
)
def test_headers_have_opentelemetrys_form(text: str, headers: dict[str, str]) -> None:
    """As `OTEL_EXPORTER_OTLP_HEADERS` is written."""
    assert read_headers(text) == headers


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("hidden", "pair 1 is not name=value"),
        ("a=b,Bearer hidden", "pair 2 is not name=value"),
        ("=hidden", "pair 1 is not name=value"),
        ("x y=hidden", "pair 1 is not name=value"),
        ("a=hidden%0D%0AX: y", "the value of a"),
        ("a=hidden\x00", "the value of a"),
        ("a=hidden-é", "the value of a"),
        ("content-length=hidden", "content-length is not for you"),
        ("Host=hidden", "Host is not for you"),
    ],
)
def test_a_header_that_can_not_be_sent_is_refused_without_its_value(text: str, hint: str) -> None:
    """What is refused is printed."""
    with pytest.raises(ValueError, match=hint) as refused:
        read_headers(text)

    assert "hidden" not in str(refused.value)


@given(st.text())
def test_no_text_becomes_a_header_of_several_lines(text: str) -> None:
    """Whatever is given is refused, or safe to send."""
    try:
        headers = read_headers(text)
    except ValueError:
        return
    assert all((name + value).isascii() and (name + value).isprintable() for name, value in headers.items())
