"""HAProxy by the shipped configuration, in front of exporters of a test."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.harness import LOCALHOST, Exporter, Program, Reply, Scrape, free_port, request
from tests.support.monitoring import ROOT, installed

CONFIG = ROOT / "dashboards/haproxy/haproxy.cfg"
HAPROXY = Path("/usr/sbin/haproxy")
_SERVER = re.compile(r"(?m)^    server .*\n")


def certificate(directory: Path) -> Path:
    """A directory with one PEM file for `localhost`, signed by itself."""
    directory.mkdir(parents=True, exist_ok=True)
    pem, key = directory / "localhost.pem", directory.parent / "localhost.key"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(words, check=True, capture_output=True)
    pem.write_text(pem.read_text() + key.read_text())
    return directory


class HAProxy(Program):
    """The shipped configuration, with these exporters as its servers: the first has the id 1, and so on.

    One that is not running takes part in nothing until it is started.
    """

    def __init__(
        self,
        directory: Path,
        exporters: Sequence[Exporter] | None = None,
        certificates: Path | None = None,
        changes: Mapping[str, str] | None = None,
        domain: str = "",
    ) -> None:
        """`changes` are texts of the configuration and what stands in their place; without `exporters` it asks for
        theirs by name, as shipped.
        """
        nothing = directory / "no-certificates"
        nothing.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port, self.private_port = free_port(), free_port(), free_port()
        config = directory / "haproxy.cfg"
        text = CONFIG.read_text() if exporters is None else _with_servers(CONFIG.read_text(), exporters)
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        config.write_text(text)
        super().__init__([installed(HAPROXY), "-db", "-f", str(config)], directory)
        self.environment |= {
            "CAPGO_HTTP": _both(self.port),
            "CAPGO_HTTPS": _both(self.tls_port),
            "CAPGO_PRIVATE": _both(self.private_port),
            "CAPGO_CERTIFICATES": str(certificates or nothing),
            "CAPGO_DOMAIN": domain,
        }

    def is_ready(self) -> bool:
        try:
            return self.private("/healthz").status == http.client.OK
        except OSError:
            return False

    def private(self, path: str) -> Reply:
        """A GET on the port for whoever runs it."""
        return request(self.private_port, "GET", path)

    def scrape(self) -> Scrape:
        """Its own metrics."""
        return Scrape.parse(self.private("/metrics").body.decode())

    def up(self) -> set[str]:
        """The names of the exporters that it sends posts to."""
        states = self.scrape().series("haproxy_server_status", proxy="exporters", state="UP")
        return {dict(labels)["server"] for labels, value in states.items() if value}


def _both(port: int) -> str:
    return f"{LOCALHOST}:{port},::1:{port}"


def _with_servers(text: str, exporters: Sequence[Exporter]) -> str:
    before, *_, after = _SERVER.split(text)
    lines = [_server(number, exporter) for number, exporter in enumerate(exporters, start=1)]
    return before + "".join(lines) + after


def _server(number: int, exporter: Exporter) -> str:
    where = f"{LOCALHOST}:{exporter.port} check port {exporter.metrics_port}"
    return f"    server capgo-exporter-{number} {where} id {number}\n"
