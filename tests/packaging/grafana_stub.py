"""Stands for a Grafana, inside a machine of a test: remembers what is sent to its API, a line for each request."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.remember()

    def do_PUT(self) -> None:
        self.remember()

    def remember(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Path(sys.argv[1]).open("a") as log:
            print(json.dumps([self.command, self.path, self.headers["Authorization"], body]), file=log)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status":"success"}')

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


HTTPServer(("127.0.0.1", 3000), Handler).serve_forever()
