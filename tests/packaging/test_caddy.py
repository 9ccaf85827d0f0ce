"""Caddy in front of the exporter, by the shipped Caddyfile: what a real app talks to."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.pages import fences
from tests.packaging.project import DASHBOARDS, ROOT, default, seconds, succeed
from tests.support.harness import LOCALHOST, Exporter, Program, Reply, free_port

CADDYFILE = DASHBOARDS / "caddy/Caddyfile"
NEW = "a-token"
EVENT = b'{"app_id":"com.example.app","action":"set","platform":"ios","version_name":"1.0.0"}'


class Caddy(Program):
    """The shipped configuration for `localhost`, on ports of its own, and without touching this machine's trust."""

    def __init__(self, upstream: int, directory: Path, file: Path = CADDYFILE) -> None:
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        text = succeed("caddy", "adapt", "--config", file, "--adapter", "caddyfile")
        text = text.replace('"exporter:8080"', f'"{LOCALHOST}:{upstream}"').replace(
            '":443"', f'"{LOCALHOST}:{self.port}"'
        )
        configuration = json.loads(text)
        configuration["admin"] = {"disabled": True}
        configuration["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
        path = directory / "caddy.json"
        path.write_text(json.dumps(configuration))
        super().__init__(["caddy", "run", "--config", str(path)], directory)
        self.environment |= {"XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}

    def is_ready(self) -> bool:
        try:
            return self.request("GET", "/stats").status > 0
        except OSError:
            return False

    def request(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """One request over TLS, the certificate not verified: Caddy signs it itself."""
        trusting = ssl._create_unverified_context()  # noqa: S323, SLF001 - a test against a process of its own
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=60, context=trusting)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return Reply(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    """With the default settings."""
    with Exporter(tmp_path / "exporter") as running:
        yield running


@pytest.fixture
def caddy(exporter: Exporter, tmp_path: Path) -> Iterator[Caddy]:
    """In front of the exporter."""
    with Caddy(exporter.port, tmp_path / "caddy") as running:
        yield running


def test_a_post_over_tls_is_counted(caddy: Caddy, exporter: Exporter) -> None:
    """And answered as the exporter answers, errors included."""
    assert caddy.request("POST", "/stats", EVENT).body == b'{"status":"ok"}'
    assert caddy.request("POST", "/stats", b"{").status == http.client.BAD_REQUEST
    assert exporter.scrape().total("capgo_events_total", platform="ios") == 1


def test_nothing_private_is_served_to_the_world(caddy: Caddy) -> None:
    """Neither counters nor the landing page."""
    for path in ("/metrics", "/readyz", "/backup"):
        assert caddy.request("GET", path).status == http.client.NOT_FOUND, path


def test_a_post_during_a_restart_is_never_acknowledged_in_vain(caddy: Caddy, exporter: Exporter) -> None:
    """It is answered 502, upon which the plugin sends it again; then it counts once."""
    exporter.terminate()
    assert caddy.request("POST", "/stats", EVENT).status == http.client.BAD_GATEWAY
    exporter.restart()
    assert caddy.request("POST", "/stats", EVENT).status == http.client.OK
    assert exporter.scrape().total("capgo_events_total") == 1


def test_caddy_closes_idle_connections_before_the_exporter_does() -> None:
    """Else a post may be sent on a connection that is just being closed, and is answered 502."""
    proxy = adapted_server()["routes"][0]["handle"][0]["routes"][0]["handle"][0]
    assert proxy["handler"] == "reverse_proxy"
    caddy_seconds = proxy["transport"]["keep_alive"]["idle_timeout"] / 1e9
    assert caddy_seconds <= seconds(default("--request-timeout")) / 2


def test_a_slow_phone_has_as_long_as_the_exporter_gives_it() -> None:
    """Caddy's time for a body is for all of it, so it is longer than the exporter's longest, of two minutes."""
    server = adapted_server()
    assert server["read_timeout"] / 1e9 > 120
    assert server["read_header_timeout"] / 1e9 <= seconds(default("--request-timeout"))


def test_readme_and_the_file_have_the_same_configuration() -> None:
    """But for what the file explains, and the addresses."""
    shipped = re.sub(r"(?m)^\s*#.*\n", "", CADDYFILE.read_text())
    shipped = shipped.replace("{$DOMAIN:localhost}", "stats.example.com").replace("exporter:8080", "127.0.0.1:8080")
    assert re.findall(r"```caddy\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL) == [shipped]


def test_old_addresses_reach_the_first_token_by_the_pages_lines(tmp_path: Path) -> None:
    """What installed apps post to, and what the next ones do; others stay out."""
    site = "{$DOMAIN:localhost} {\n"
    lines = fences(DASHBOARDS / "OPERATING.md", "caddy")["The first token"].replace("TOKEN", NEW)
    file = tmp_path / "Caddyfile"
    file.write_text(CADDYFILE.read_text().replace(site, site + lines))
    with (
        Exporter(tmp_path / "exporter", path_token=NEW) as exporter,
        Caddy(exporter.port, tmp_path / "caddy", file) as caddy,
    ):
        statuses = [caddy.request("POST", path, EVENT).status for path in ("/stats", "/", f"/{NEW}/stats", "/b/stats")]
    assert statuses == [200, 200, 200, 404]


def adapted_server() -> dict[str, Any]:
    """The one server of the Caddyfile, as Caddy itself understands it."""
    adapted = succeed("caddy", "adapt", "--config", CADDYFILE, "--adapter", "caddyfile")
    [server] = json.loads(adapted)["apps"]["http"]["servers"].values()
    return dict(server)
