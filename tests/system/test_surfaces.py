"""Who sees what: the public port takes posts and nothing else, the private one shows and takes none."""

from __future__ import annotations

import re

import pytest

from tests.support.bodies import event
from tests.support.contract import OK, assert_refused
from tests.support.harness import Exporter, request
from tests.support.html import Page
from tests.system.wire import Wire


def landing(exporter: Exporter) -> Page:
    reply = exporter.private("/")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    return Page(reply.body.decode())


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/readme"])
def test_the_public_port_shows_nothing(exporter: Exporter, path: str) -> None:
    """Strangers learn no version and no count."""
    assert_refused(exporter.public("GET", path), 404)


def test_the_public_root_is_no_landing_page(exporter: Exporter) -> None:
    """It takes posts; a GET there is answered in JSON and tells nothing of the apps."""
    exporter.post(event(app_id="com.example.secret"))

    reply = exporter.public("GET", "/")

    assert reply.headers["content-type"].startswith("application/json")
    assert b"com.example" not in reply.body


@pytest.mark.parametrize("path", ["/stats", "/", "/metrics"])
def test_the_private_port_takes_no_posts(exporter: Exporter, path: str) -> None:
    """Nothing is counted there."""
    before = exporter.scrape().value("capgo_exporter_events_received_total")

    reply = request(exporter.metrics_port, "POST", path, b'{"app_id":"com.example.shop","action":"set"}')

    assert_refused(reply, 404 if path == "/stats" else 405)
    assert before == exporter.scrape().value("capgo_exporter_events_received_total")


def test_a_running_exporter_is_healthy_and_ready(exporter: Exporter) -> None:
    """For the container's check and the load balancer's."""
    assert [exporter.private(path).status for path in ("/healthz", "/readyz")] == [200, 200]
    assert exporter.scrape().value("capgo_exporter_ready") == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_an_uptime_checker_may_ask_for_the_head_alone(exporter: Exporter, path: str) -> None:
    """It is answered without a body, and the connection goes on."""
    with Wire(exporter.metrics_port) as wire:
        for _ in range(2):
            wire.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert wire.reply(has_body=False).status == 200


def test_the_landing_page_shows_what_arrived(exporter: Exporter) -> None:
    """Whoever just set `statsUrl` sees the app and its version, and finds the metrics."""
    exporter.post(event(app_id="com.example.landed", version_name="7.7.1"))

    page = landing(exporter)

    assert "com.example.landed" in page.text
    assert "7.7.1" in page.text
    assert re.search(r"(?i)capgo.exporter", page.text)
    assert [link for link in page.links if link.endswith("metrics")]


def test_the_landing_page_runs_no_strangers_script(exporter: Exporter) -> None:
    """A version may hold markup; the page shows it as text."""
    attack = '<script>alert("x")</script><b>'
    assert exporter.post(event(app_id="com.example.attack", version_name=attack)).body == OK

    page = landing(exporter)

    assert attack in page.text
    assert not {"script", "b"} & set(page.tags)


def test_what_strangers_post_forges_no_line_of_metrics(exporter: Exporter) -> None:
    """Quotes and backslashes in a version stay within its label."""
    attack = '1"} 7 # \\'
    assert exporter.post(event(app_id="com.example.forger", version_name=attack)).body == OK

    versions = {
        dict(have)["version"] for have in exporter.scrape().series("capgo_events_total", app_id="com.example.forger")
    }

    assert {attack} == versions


def test_what_strangers_post_forges_no_line_of_the_log(exporter: Exporter) -> None:
    """No field of theirs stands raw in the service's own log."""
    exporter.post(event(app_id="x\nforged-line", device_id="forged-device"))
    exporter.public("GET", "/forged%0aforged-line")

    assert not re.search(r"^forged-line", exporter.logs(), re.MULTILINE)
    assert "forged-device" not in exporter.logs()


def test_a_reply_names_no_software_version(exporter: Exporter) -> None:
    """The public port tells a stranger nothing to look up."""
    assert not re.search(r"\d", exporter.post(event()).headers.get("server", ""))
