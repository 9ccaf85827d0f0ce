"""What `capgo-exporter health` does: ask a running exporter whether it takes posts."""

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from exporter.addresses import Address

PATIENCE: Final = 4.0
"""Seconds for an answer; whoever asks now and then has a limit of about 5."""


def ask(address: Address) -> str:
    """What there is to say of an exporter that is ready, whose private port is this. Raises `OSError` for any other."""
    where = address.nearby
    connection = HTTPConnection(where.host, where.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        said = response.read(1000).decode(errors="replace")
    except (OSError, HTTPException, UnicodeError) as error:  # the latter for a host that is no name
        raise OSError(f"the exporter does not answer at {where}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise OSError(f"the exporter at {where} is not ready: {response.status} {said}")
    return f"the exporter at {where} is ready"
