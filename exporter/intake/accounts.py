"""The public port's books: every answer is counted by its status, every refusal by its name, and told of in the log."""

from collections.abc import Callable, Mapping

from exporter.intake.refusal_log import note_refusal
from exporter.metrics.reception import Reception
from exporter.metrics.telemetry import Telemetry
from exporter.wire.events import Reason


class Accounts:
    """Notes what was answered; for one thread."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._count = telemetry.count_request
        self.reception = Reception()

    def note(
        self, status: int, refusal: str | None, rejected: Mapping[Reason, int] | None, client: Callable[[], str]
    ) -> None:
        """A request was answered; `client` tells the address that it came from."""
        self._count(status, refusal)
        self.reception.ask()
        if refusal is not None:
            self._refuse(refusal, 1, client)
        elif rejected:
            for reason, number in rejected.items():
                self._refuse(reason, number, client)

    def _refuse(self, reason: str, number: int, client: Callable[[], str]) -> None:
        self.reception.refuse(reason, number)
        note_refusal(reason, client(), number)
