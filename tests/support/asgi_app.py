"""The public application for an ASGI server that is not ours: `uvicorn --factory tests.support.asgi_app:create`.

Its data directory is the one that CAPGO_DATA_DIR names.
"""

from __future__ import annotations

import atexit

from exporter.intake.endpoint import App
from exporter.metrics.telemetry import Telemetry
from exporter.service import build
from exporter.settings import Settings


def create() -> App:
    """Open the ledger, and make the application."""
    parts = build(Settings(_cli_parse_args=[]), Telemetry())  # type: ignore[call-arg]  # pydantic-settings' own
    atexit.register(parts.committer.stop, 10)
    return parts.app
