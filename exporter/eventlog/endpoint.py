"""Where a log store is, and what it wants to be told with each request.

Headers have OpenTelemetry's own form, that of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value` pairs with commas between, the
values percent-encoded where they hold commas, blanks at an end or what is not ASCII.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_URL: Final = re.compile(r"[\x21-\x7e]+")

_OURS: Final = frozenset(
    {"content-type", "content-encoding", "content-length", "transfer-encoding", "connection", "host", "expect"}
)


def check_endpoint(url: str) -> None:
    """Raises `ValueError` for what can't be posted to; it quotes nothing that may be a secret."""
    parts = _parts(url)
    if parts is None:
        raise ValueError("is not an http or https URL, such as http://loki:3100/otlp/v1/logs")
    if "@" in parts.netloc:
        raise ValueError("must hold no password, as everybody on this machine can read it: use --event-store-headers")
    if not parts.path.strip("/") or parts.fragment:
        raise ValueError(
            "must be the whole URL: Loki takes http://HOST:3100/otlp/v1/logs, a Collector http://HOST:4318/v1/logs, "
            "VictoriaLogs http://HOST:9428/insert/opentelemetry/v1/logs"
        )


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and _URL.fullmatch(url)
    except ValueError:
        return None
    return parts if good else None


def read_headers(text: str) -> Mapping[str, str]:
    """The headers by their names. Raises `ValueError`, which never quotes a value."""
    headers: dict[str, str] = {}
    for number, pair in enumerate(filter(None, (pair.strip() for pair in text.split(","))), 1):
        name, equals, value = pair.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(f"pair {number} is not name=value; for example Authorization=Basic%20Zm9vOmJhcg==")
        if name.lower() in _OURS:
            raise ValueError(f"{name} is not for you to set: it belongs to what is sent")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} holds what no header may")
        headers[name] = value
    return headers
