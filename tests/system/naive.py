"""What one would write first: the same counters in twenty lines, without any of the exporter's promises."""

import sys
from typing import Any

import falcon
import waitress
from prometheus_client import Counter, generate_latest

EVENTS = Counter("capgo_events", "Events received", ["app_id", "action", "platform", "version"])


class Stats:
    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        body: Any = request.get_media()
        for event in body if isinstance(body, list) else [body]:
            EVENTS.labels(event["app_id"], event["action"], event["platform"], event.get("version_name", "")).inc()
        response.media = {"status": "ok"}


class Metrics:
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        response.content_type = "text/plain; version=0.0.4"
        response.data = generate_latest()


app = falcon.App()
app.add_route("/stats", Stats())
app.add_route("/metrics", Metrics())

if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
