"""HAProxy's shipped configuration is valid, and its limits and names are those of what stands around it."""

from __future__ import annotations

import json
import re

import pytest

from exporter.intake.request import HEADER_LIMIT
from exporter.metrics.readiness import NOTICE_SECONDS
from tests.packaging.project import DASHBOARDS, default, load, run, seconds
from tests.support.balancer import CONFIG

TEXT = CONFIG.read_text()
HASHED = int(re.findall(r"bytes\(0,(\d+)\)", TEXT)[0])
REWRITE = 1024
"""Bytes that HAProxy keeps free in each buffer by default, for headers of its own."""


def setting(name: str) -> str:
    """The value of a line that stands there once."""
    [value] = re.findall(rf"(?m)^    {re.escape(name)} +(\S+)", TEXT)
    return str(value)


def milliseconds(duration: str) -> float:
    number, unit = re.findall(r"(\d+)(ms|s|m)", duration)[0]
    return int(number) * {"ms": 1, "s": 1000, "m": 60_000}[unit]


def test_haproxy_accepts_it_before_there_is_a_certificate() -> None:
    """Debian 12's 2.6, with the empty folder that Compose mounts; that it is empty is all it remarks."""
    folder = DASHBOARDS / "haproxy/certificates"
    done = run("haproxy", "-c", "-f", CONFIG, env={"PATH": "/usr/sbin", "CAPGO_CERTIFICATES": str(folder)})
    assert done.returncode == 0, done.stderr
    assert ["no SSL certificate specified" in line for line in done.stderr.splitlines() if "WARNING" in line] == [True]


def test_what_is_hashed_fits_into_a_buffer_beside_the_largest_header() -> None:
    """Else it would depend on the network how much of a body is looked at."""
    assert int(setting("tune.bufsize")) >= HEADER_LIMIT + HASHED - REWRITE


def test_a_slow_phone_has_as_much_time_as_the_exporter_gives_it() -> None:
    """10 s without a byte; what is hashed may come at 1 KiB/s; a large body two minutes in all."""
    assert milliseconds(setting("timeout client")) == 1000 * seconds(default("--request-timeout"))
    [wait] = re.findall(r"wait-for-body time (\S+)", TEXT)
    assert milliseconds(wait) >= int(setting("tune.bufsize"))
    assert milliseconds(setting("timeout server")) >= 120_000


def test_haproxies_together_stay_within_an_exporters_connections() -> None:
    """Two of them, and as many as one more while they are replaced."""
    [connections] = re.findall(r" maxconn (\d+)", TEXT)
    assert 3 * int(connections) <= int(default("--connection-limit"))


def test_an_exporter_that_ends_has_given_notice_long_enough() -> None:
    """HAProxy asks, hears no so many times, and has stopped by then to send it posts."""
    [line] = re.findall(r"default-server (.*)", TEXT)
    inter, fast, fall = (re.findall(rf"{word} (\S+)", line)[0] for word in ("inter", "fastinter", "fall"))
    assert 2 * (milliseconds(inter) + int(fall) * milliseconds(fast)) <= 1000 * NOTICE_SECONDS


def test_idle_connections_are_dropped_before_the_exporter_drops_them() -> None:
    """Half of them at each purge, so that hardly one is left when the exporter's time for it is over."""
    [purge] = re.findall(r"pool-purge-delay (\S+)", TEXT)
    assert milliseconds(purge) <= 1000 * seconds(default("--request-timeout")) / 5


def test_a_post_that_was_sent_is_never_sent_again() -> None:
    """It may have been counted: only a connection that failed is tried anew, elsewhere."""
    assert "retry-on" not in TEXT
    assert setting("option redispatch") == "1"


def test_every_exporter_has_a_number_for_ever() -> None:
    """The hash goes by it; a line that is put between others must not move devices."""
    name = r"capgo-exporter-(\d+)"
    servers = re.findall(rf'(?m)^    server {name} "{name}\$\{{CAPGO_DOMAIN\}}:8080" id (\d+)$', TEXT)
    assert servers == [(str(number),) * 3 for number in range(1, 9)]


def test_no_device_and_no_person_is_in_its_log() -> None:
    """Posts that went well leave no line; what HAProxy reads of them is never put into one."""
    assert "option dontlog-normal" in TEXT
    assert not re.search(r"log-format|capture", TEXT)


@pytest.mark.parametrize("file", ["haproxy/haproxy.cfg", "prometheus/prometheus.yml"])
def test_names_are_those_of_compose(file: str) -> None:
    """The exporters that there are, by the names that Compose gives them; each with a ledger of its own."""
    services = load("docker-compose.yml")["services"]
    exporters = {name: it for name, it in services.items() if it["image"] == "capgo-exporter" and "volumes" in it}
    aliases = {alias: it for it in exporters.values() for alias in it["networks"]["default"]["aliases"]}
    assert aliases.keys() <= set(re.findall(r"capgo-exporter-\d", (DASHBOARDS / file).read_text()))
    assert len({json.dumps(it["volumes"]) for it in exporters.values()}) == len(exporters) == 2
    jobs = {job["job_name"]: job for job in load("dashboards/prometheus/prometheus.yml")["scrape_configs"]}
    [lookup] = jobs["capgo-haproxy"]["dns_sd_configs"]
    assert set(lookup["names"]) <= services.keys()
    assert f":::{lookup['port']}}}" in TEXT
