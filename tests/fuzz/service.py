"""The whole public app in this process, and what must hold for each of its answers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from prometheus_client.core import Metric

from exporter.counting.view import View
from exporter.intake.asgi import respond
from exporter.intake.request import Request
from exporter.metrics.telemetry import Telemetry
from exporter.service import build
from exporter.settings import Settings
from exporter.wire.families import STAGES, key_of
from tests.fuzz.oracle import MAX_EVENTS

MAX_BODY: Final = 64 * 1024

EVENT_REFUSALS: Final = {
    "not_an_object": 400,
    "missing_app_id": 400,
    "invalid_app_id": 400,
    "missing_action": 400,
    "invalid_action": 400,
}
REFUSALS: Final = {
    "invalid_json_parse_body": 400,
    "bad_request": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "body_too_large": 413,
    "too_many_events": 413,
    "unsupported_encoding": 415,
}
"""What may be answered when nothing is wrong with the exporter: never a 5xx."""


class Service:
    """Takes requests as the listener hands them over, checks each answer, and in the end that the books balance."""

    def __init__(self, directory: Path) -> None:
        settings = Settings(  # type: ignore[call-arg]  # pydantic-settings' own argument
            _cli_parse_args=[
                *["--data-dir", str(directory), "--zero-hold", "0s"],
                *["--max-body", str(MAX_BODY), "--max-batch", str(MAX_EVENTS)],
            ]
        )
        self._telemetry = Telemetry()
        self._parts = build(settings, self._telemetry)
        self._runner = asyncio.Runner()
        self._codes: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._taken = 0

    def post(
        self, body: bytes, path: str = "/stats", method: str = "POST", headers: dict[str, str] | None = None
    ) -> int:
        """Send a request and check its answer; the status."""
        fields = {name.encode("latin-1"): value.encode("latin-1") for name, value in (headers or {}).items()}
        fields = {b"content-length": str(len(body)).encode()} | fields
        request = Request(method.encode("latin-1"), path.encode("latin-1"), [*fields.items()], fields, body, 0)
        code, answered, reply = self._runner.run(respond(self._parts.app, request, ("127.0.0.1", 0)))
        self._codes[str(code)] += 1
        assert dict(answered)[b"content-type"] == b"application/json"
        if method == "HEAD":
            if code != 200:
                self._refused[{404: "not_found", 405: "method_not_allowed"}[code]] += 1
            return code
        self._check(code, json.loads(reply), method)
        return code

    def _check(self, code: int, answer: Any, method: str) -> None:
        if answer == {"status": "ok"}:
            assert code == 200
            self._taken += method == "POST"
        elif "results" in answer:
            assert code == 200
            self._check_results(answer["results"])
        else:
            reason = answer["error"]
            assert set(answer) == {"error", "message"}
            assert code == (EVENT_REFUSALS | REFUSALS)[reason]
            (self._rejected if reason in EVENT_REFUSALS else self._refused)[reason] += 1

    def _check_results(self, results: list[dict[str, Any]]) -> None:
        assert len(results) <= MAX_EVENTS
        for index, result in enumerate(results):
            assert result["index"] == index
            if result["status"] == "ok":
                assert set(result) == {"status", "index"}
                self._taken += 1
            else:
                assert set(result) == {"status", "error", "message", "index"}
                assert result["error"] in EVENT_REFUSALS
                self._rejected[result["error"]] += 1

    def balance(self) -> None:
        """Every element of every body is in exactly one of the books, and what was answered is what was written."""
        view = self._parts.committer.view(scrape=True)
        metrics = {family.name: family for family in self._telemetry.families(view)}

        def one(name: str) -> float:
            return float(sum(sample.value for sample in _totals(metrics[f"capgo_exporter_{name}"])))

        def by(name: str, label: str) -> dict[str, float]:
            totals = _totals(metrics[f"capgo_exporter_{name}"])
            return {sample.labels[label]: sample.value for sample in totals if sample.value}

        counted, duplicate, ignored = one("events_counted"), one("events_duplicate"), one("events_ignored")
        assert counted + duplicate + ignored == self._taken
        assert by("events_rejected", "reason") == self._rejected
        assert one("events_received") == self._taken + self._rejected.total()
        assert by("requests", "code") == self._codes
        assert by("requests_refused", "reason") == self._refused
        shown = sum(value for value, of_events in zip(view.values, view.of_events, strict=True) if of_events)
        assert shown == view.events["shown"] == sum(view.events.values()) == counted
        self._balance_devices(view)

    def _balance_devices(self, view: View) -> None:
        """Each device is in one place by the version that it runs, and in one at the most by the one that it tries."""
        here, numbers = view.devices, [*zip(view.series, view.values, strict=True)]
        assert [sum(versions.values()) for versions in here.running.values()] == [here.remembered] * len(here.running)
        assert sum(here.trying.values()) <= here.remembered <= here.limit
        entered = sum(value for series, value in numbers if key_of(series.name) == STAGES.key)
        assert sum(here.trying.values()) <= entered

    def close(self) -> None:
        self._parts.committer.stop(10)
        self._runner.close()


def _totals(metric: Metric) -> list[Any]:
    return [sample for sample in metric.samples if not sample.name.endswith("_created")]
