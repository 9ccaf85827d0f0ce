"""In compose, alerts reach whom .env names, and their links lead to where .env says.

By Prometheus' and Alertmanager's own programs, started as their containers start them.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.project import DASHBOARDS, PROMETHEUS3, run, succeed
from tests.support.harness import LOCALHOST, request, wait_until
from tests.support.monitoring import ALERTMANAGER, PROMETHEUS_2, PROMETHEUS_3, Alertmanager, Prometheus

AWKWARD = 'it\'s a p@ss: \\"word\\" # with {everything} & %'


def started(service: str, directory: Path, **given: str) -> Path:
    """Play a container's start: its script, with folders here, its program replaced by one that does nothing.

    Returns the folder in which the configuration is then.
    """
    inside, outside = directory / "bin", directory / "run"
    for folder in (inside, outside):
        folder.mkdir()
    (inside / service).symlink_to(shutil.which("true") or "")
    script = (DASHBOARDS / service / "start").read_text()
    script = script.replace(f"/etc/{service}", str(DASHBOARDS / service)).replace(f"/run/{service}", str(outside))
    succeed("sh", "-c", script, env={"PATH": f"{inside}:{os.environ['PATH']}"} | given)
    return outside


@pytest.fixture
def prometheus(tmp_path: Path) -> Path:
    """Where Prometheus' files are in a stack that people reach under names of its own."""
    return started(
        "prometheus",
        tmp_path,
        GRAFANA_URL="https://grafana.example.com/a&b/",
        PROMETHEUS_URL="https://prometheus.example.com",
        RUNBOOK_URL="",
    )


@pytest.mark.parametrize("promtool", ["promtool", PROMETHEUS3 / "promtool"], ids=["2.42", "3"])
def test_prometheus_accepts_what_it_is_started_with(prometheus: Path, promtool: str | Path) -> None:
    """All rules are found from there."""
    said = succeed(promtool, "check", "config", prometheus / "prometheus.yml")
    files = list(DASHBOARDS.glob("prometheus/*.rules.yml"))
    assert len(re.findall(r"SUCCESS: [1-9]\d* rules found", said)) == len(files)


def test_the_links_of_alerts_lead_to_where_env_says(prometheus: Path) -> None:
    """Each of them, and nothing else is changed; by default they are those of this machine."""
    text = (prometheus / "capgo.rules.yml").read_text()
    assert "localhost" not in text
    back = text.replace("https://grafana.example.com/a&b/d/", "http://localhost:3000/d/")
    back = back.replace("https://prometheus.example.com/consoles", "http://localhost:9090/consoles")
    assert back == (DASHBOARDS / "prometheus/capgo.rules.yml").read_text()
    for group in yaml.safe_load(text)["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["dashboard"].startswith("https://grafana.example.com/a&b/d/live-updates-")
            assert rule["annotations"]["runbook_url"].startswith(
                "https://prometheus.example.com/consoles/runbook.html#"
            )


def test_a_runbook_of_ones_own_is_linked(tmp_path: Path) -> None:
    """`RUNBOOK_URL` is the page."""
    place = started("prometheus", tmp_path, GRAFANA_URL="http://g", PROMETHEUS_URL="http://p", RUNBOOK_URL="http://w/r")
    assert "runbook_url: http://w/r#capgoappsilent\n" in (place / "capgo.rules.yml").read_text()


@pytest.mark.parametrize("binary", [PROMETHEUS_2, PROMETHEUS_3], ids=["2.42", "3"])
def test_prometheus_serves_the_runbook(binary: Path, tmp_path: Path) -> None:
    """So the link leads somewhere, without a server of ours: a heading for each alert."""
    server = Prometheus(tmp_path, {}, binary=binary)
    server.argv.append(f"--web.console.templates={DASHBOARDS / 'prometheus/consoles'}")
    with server:
        reply = request(server.port, "GET", "/consoles/runbook.html")
    assert reply.headers["content-type"].startswith("text/html")
    links = re.findall(r"runbook.html#(\w+)", (DASHBOARDS / "prometheus/capgo.rules.yml").read_text())
    assert set(links) <= set(re.findall(r'<h2 id="(\w+)">', reply.body.decode()))
    assert len(links) > 10


class Told(ThreadingHTTPServer):
    """Somebody who is told of alerts: remembers what is posted, by its path."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        super().__init__((LOCALHOST, 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://{LOCALHOST}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Told

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def told() -> Iterator[Told]:
    server = Told()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


ALERT = {
    "labels": {"alertname": "CapgoAppSilent", "app_id": "com.example.shop"},
    "annotations": {
        "summary": "com.example.shop: no events for an hour",
        "description": "Why?",
        "dashboard": "https://grafana.example.com/d/x",
        "runbook_url": "https://runbook.example.com/#x",
    },
}


def tell(told: Told, directory: Path, alert: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a real Alertmanager, with its waiting cut, posts of an alert to a webhook and to Slack, by path."""
    folder = started(
        "alertmanager", directory, ALERT_WEBHOOK_URL=f"{told.url}/hook", ALERT_SLACK_URL=f"{told.url}/slack?it's"
    )
    config = folder / "alertmanager.yml"
    config.write_text(config.read_text().replace("group_wait: 30s", "group_wait: 10ms"))
    with Alertmanager(directory / "server", config, ALERTMANAGER) as server:
        body = json.dumps([alert]).encode()
        posted = request(server.port, "POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
        assert posted.status == 200, posted.body
        wait_until(lambda: len(told.posts) == 2, "both are told")
    return dict(told.posts)


def test_whoever_env_names_is_told(told: Told, tmp_path: Path) -> None:
    """In Alertmanager's own form a webhook, and in words with both links Slack."""
    heard = tell(told, tmp_path, ALERT)
    assert heard["/hook"]["alerts"][0]["labels"] == ALERT["labels"]
    words = json.dumps(heard["/slack?it's"])
    assert all(text in words for text in ALERT["annotations"].values())


def test_a_version_neither_calls_a_channel_nor_links_anywhere(told: Told, tmp_path: Path) -> None:
    """Anybody can post one of any name; in Slack it is words, whichever sentence it stands in."""
    name = "<!channel> <https://evil.example.com|log in> & more"
    summary, description = f"com.example.shop {name} on android: updates fail", f"Of {name}."
    words = ALERT["annotations"] | {"summary": summary, "description": description}

    heard = tell(told, tmp_path, ALERT | {"annotations": words})

    text = heard["/slack?it's"]["attachments"][0]["text"]
    assert re.findall("<([^|>]+)", text) == [ALERT["annotations"]["dashboard"], ALERT["annotations"]["runbook_url"]]
    assert [html.unescape(line) for line in text.splitlines()[:2]] == [summary, description]


EMAIL = {
    "ALERT_EMAIL": "a@example.com, b@example.com",
    "SMTP_SERVER": "mail.example.com:587",
    "SMTP_FROM": "c@example.com",
}


@pytest.mark.parametrize("amtool", ["amtool", PROMETHEUS3 / "amtool"], ids=["0.25", "0.28"])
def test_alertmanager_takes_whatever_stands_in_env(amtool: str | Path, tmp_path: Path) -> None:
    """A password of any characters arrives as it is."""
    folder = started(
        "alertmanager",
        tmp_path,
        **EMAIL,
        SMTP_USER="o'brien",
        SMTP_PASSWORD=AWKWARD,
        ALERT_WEBHOOK_URL="https://x.example.com/?a=1&b='2'",
    )
    succeed(amtool, "check-config", folder / "alertmanager.yml")
    [receiver] = yaml.safe_load((folder / "alertmanager.yml").read_text())["receivers"]
    assert receiver["email_configs"] == [
        {
            "to": EMAIL["ALERT_EMAIL"],
            "from": EMAIL["SMTP_FROM"],
            "smarthost": EMAIL["SMTP_SERVER"],
            "auth_username": "o'brien",
            "auth_password": AWKWARD,
            "send_resolved": True,
        }
    ]
    assert receiver["webhook_configs"] == [{"url": "https://x.example.com/?a=1&b='2'"}]


@pytest.mark.parametrize("amtool", ["amtool", PROMETHEUS3 / "amtool"], ids=["0.25", "0.28"])
def test_without_a_receiver_alerts_only_show(amtool: str | Path, tmp_path: Path) -> None:
    """The configuration is the shipped one."""
    folder = started("alertmanager", tmp_path, ALERT_WEBHOOK_URL="")
    succeed(amtool, "check-config", folder / "alertmanager.yml")
    [receiver] = yaml.safe_load((folder / "alertmanager.yml").read_text())["receivers"]
    assert receiver == {"name": "team"}


@pytest.mark.parametrize("missing", ["SMTP_SERVER", "SMTP_FROM"])
def test_half_of_what_mail_takes_is_refused_by_its_name(missing: str, tmp_path: Path) -> None:
    """At the start, and not when the first alert is to be sent."""
    given = {name: value for name, value in EMAIL.items() if name != missing}
    done = run("sh", DASHBOARDS / "alertmanager/start", env={"PATH": os.environ["PATH"]} | given)
    assert done.returncode != 0
    assert missing in done.stderr
