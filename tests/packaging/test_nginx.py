"""nginx in front of the exporter, as README has it: it keeps connections to it, and no post is lost on one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.pages import fences
from tests.packaging.project import DASHBOARDS, ROOT
from tests.support.bodies import event
from tests.support.contract import OK
from tests.support.harness import LOCALHOST, Exporter, Program, free_port, request

README = (ROOT / "README.md").read_text()
SNIPPET = re.findall(r"```nginx\n(.*?)```", README, re.DOTALL)[0]
POSTS = 40
NEW = "a-token"


class Nginx(Program):
    """README's configuration, on a port of its own and without TLS; it lets go of idle connections at once."""

    def __init__(self, upstream: int, directory: Path, line: str = "") -> None:
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        server = re.sub(r"\n *ssl_certificate.*", "", SNIPPET).replace("server {\n", "server {\n" + line)
        server = server.replace("listen 443 ssl", f"listen {LOCALHOST}:{self.port}")
        server = server.replace("127.0.0.1:8080", f"{LOCALHOST}:{upstream}")
        scratch = "\n".join(
            f"{kind}_temp_path {directory / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = directory / "nginx.conf"
        path.write_text(
            f"daemon off; master_process off; pid {directory / 'pid'}; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off;\n{scratch}\n{server} }}\n"
        )
        super().__init__(["nginx", "-p", str(directory), "-c", str(path)], directory)
        self.environment["PATH"] = f"{os.environ['PATH']}:/usr/sbin"

    def is_ready(self) -> bool:
        try:
            return request(self.port, "GET", "/stats").status == 200
        except OSError:
            return False


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    with Exporter(tmp_path / "exporter", trusted_proxy="127.0.0.1") as running:
        yield running


@pytest.fixture
def nginx(exporter: Exporter, tmp_path: Path) -> Iterator[Nginx]:
    with Nginx(exporter.port, tmp_path / "nginx") as running:
        yield running


def test_posts_through_it_are_counted_over_connections_that_it_keeps(exporter: Exporter, nginx: Nginx) -> None:
    """One after the other, so that each finds the connection of the one before."""
    opened = exporter.scrape().value("process_open_fds")
    for _ in range(POSTS):
        assert request(nginx.port, "POST", "/stats", json.dumps(event()).encode()).body == OK

    scrape = exporter.scrape()
    assert scrape.value("capgo_exporter_events_counted_total") == POSTS
    assert scrape.value("process_open_fds") - opened < POSTS / 2


def test_old_addresses_reach_the_first_token_by_the_pages_line(tmp_path: Path) -> None:
    """What installed apps post to, and what the next ones do; others stay out."""
    line = fences(DASHBOARDS / "OPERATING.md", "nginx")["The first token"].replace("TOKEN", NEW)
    body = json.dumps(event()).encode()
    with (
        Exporter(tmp_path / "exporter", path_token=NEW) as exporter,
        Nginx(exporter.port, tmp_path / "nginx", line) as nginx,
    ):
        paths = ("/stats", "/", f"/{NEW}/stats", "/b/stats")
        statuses = [request(nginx.port, "POST", path, body).status for path in paths]
    assert statuses == [200, 200, 200, 404]


def test_readme_and_the_file_have_the_same_configuration() -> None:
    """But for what the file explains."""
    shipped = re.sub(r" *#.*\n", "\n", (ROOT / "dashboards/nginx/stats.conf").read_text()).lstrip()
    assert shipped == SNIPPET


def test_it_lets_go_of_a_connection_before_the_exporter_does() -> None:
    """Else a post would meet one that is just being closed."""
    (kept,) = re.findall(r"keepalive_timeout (\d+)s", SNIPPET)
    (closed,) = re.findall(r"\| `--request-timeout` \| `(\d+)s`", README)

    assert int(kept) < int(closed)
