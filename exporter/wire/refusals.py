"""Every refusal by its one name: the word in the reply, in the metric's label and in the log."""

from typing import Final, NamedTuple

from exporter.wire.events import Reason


class Refusal(NamedTuple):
    """The HTTP status and the sentence that go with a refusal's name."""

    status: int
    message: str


EVENT_REFUSALS: Final[dict[Reason, Refusal]] = {
    "not_an_object": Refusal(400, "An event is a JSON object"),
    "missing_app_id": Refusal(400, "app_id is missing or empty"),
    "invalid_app_id": Refusal(400, "app_id is not a reverse domain name such as com.example.app"),
    "app_not_allowed": Refusal(403, "This endpoint does not take events of this app"),
    "missing_action": Refusal(400, "action is missing or empty"),
    "invalid_action": Refusal(400, "action is not a string"),
}
"""Refusals of one event."""

REQUEST_REFUSALS: Final[dict[str, Refusal]] = {
    "invalid_json_parse_body": Refusal(400, "The body is not a JSON object or array"),
    "bad_request": Refusal(400, "The request is not well-formed HTTP"),
    "not_found": Refusal(
        404,
        "There is nothing at this path; events go to /stats on the public port, with a path token to /<token>/stats",
    ),
    "method_not_allowed": Refusal(405, "This path does not take this method; events are sent with POST"),
    "request_timeout": Refusal(408, "The request did not arrive in time"),
    "body_too_large": Refusal(413, "The body is larger than this endpoint takes"),
    "too_many_events": Refusal(413, "The array holds more events than this endpoint takes"),
    "unsupported_encoding": Refusal(415, "Send the body without a Content-Encoding"),
    "header_too_large": Refusal(431, "The request's header is too large"),
    "internal_error": Refusal(500, "The exporter failed; its log says why"),
    "not_implemented": Refusal(501, "Send the body with Content-Length, or chunked and nothing else"),
    "overloaded": Refusal(503, "Too many events at once; send these again later"),
    "storage_unavailable": Refusal(503, "The events can't be stored now; send them again"),
    "loading": Refusal(503, "The ledger is loading; try again"),
    "stopping": Refusal(503, "The exporter is about to end; others take its posts"),
}
"""Refusals of a whole request; nothing of it is counted."""


def error_body(name: str, message: str) -> bytes:
    """The one form of every error reply; both words are ours, never a client's."""
    return f'{{"error":"{name}","message":"{message}"}}'.encode()
