"""What INSTALL.md and OPERATING.md tell root to do works, command by command, on a machine that had nothing of it.

The headings are walked in the order of the pages; a check after each says what must be true by then. `WHOLE=1` fetches
what pip and apt-get fetch; else that is copied.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.packaging import installation
from tests.packaging.pages import fences
from tests.packaging.project import DASHBOARDS
from tests.support.bodies import event
from tests.support.machine import Machine

INSTALL, OPERATING = DASHBOARDS / "INSTALL.md", DASHBOARDS / "OPERATING.md"
INSTALLING, LIVING = fences(INSTALL, "console"), fences(OPERATING, "console")
PAGES = INSTALLING | LIVING
WHOLE = bool(os.environ.get("WHOLE"))
DEVICE = "4f6c0b4e-1111-4222-8333-444455556666"
LEDGER = "capgo_exporter_ledger_events"
LOG = "/var/log/capgo-exporter/events.log"
ANEW = (
    "until [ $(systemctl show --property=NRestarts --value capgo-exporter) -ge 1 ] && curl -sf 127.0.0.1:10058/readyz;"
    " do sleep 0.1; done"
)
"""Waits for systemd to have started it anew."""

# What a reader has by then: a certificate, Prometheus, Grafana.
THERE = """
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stats.example.com \\
    -keyout /etc/ssl/stats.example.com.key -out /etc/ssl/stats.example.com.pem 2> /dev/null
mkdir -p /etc/grafana/provisioning/dashboards
cat > /etc/systemd/system/grafana-server.service <<UNIT
[Service]
ExecStart=/usr/bin/python3 {stub} {directory}/grafana.log
UNIT
systemctl stop nginx caddy prometheus 2> /dev/null || true
"""


class Server(NamedTuple):
    """The machine, and a directory that it shares with the test."""

    machine: Machine
    directory: Path

    def walk(self, heading: str, **environment: str) -> str:
        script = PAGES[heading]
        if not WHOLE:
            script = installation.quickened(script, self.directory / "prepared")
        return self.machine.succeed(script, **environment)

    def sh(self, script: str) -> str:
        return self.machine.succeed(script)

    def post(self, address: str = "http://127.0.0.1:8080/stats", **fields: object) -> str:
        """The status of a post of an event."""
        body = json.dumps(event(**fields))
        return self.sh(f"curl -sk --resolve '*:443:127.0.0.1' -o /dev/null -w '%{{http_code}}' -d '{body}' {address}")

    def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        text = self.sh("curl -s http://127.0.0.1:10058/metrics")
        return sum(float(value) for value in re.findall(rf"(?m)^{re.escape(name)}(?:\{{.*\}})? (\S+)$", text))

    def shown(self, name: str) -> str:
        return self.sh(f"systemctl show --property={name} --value capgo-exporter").strip()

    def asked_of_grafana(self) -> list[Any]:
        return [json.loads(line) for line in (self.directory / "grafana.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("pages")
    if not WHOLE:
        installation.prepare(directory / "prepared")
    stub = Path(__file__).with_name("grafana_stub.py")
    with Machine(directory, network=WHOLE) as machine:
        machine.succeed(THERE.format(stub=stub, directory=directory))
        yield Server(machine, directory)


Check = Callable[[Server], None]


def _serves(server: Server) -> None:
    """It is up, stays so over restarts, has counted the page's post, and systemd hears it breathe."""
    assert server.shown("ActiveState") == "active"
    assert server.sh("systemctl is-enabled capgo-exporter").strip() == "enabled"
    assert server.metric("capgo_exporter_events_counted_total") == 1
    assert int(server.shown("WatchdogTimestampMonotonic")) > 0


def _posts_through_nginx(server: Server) -> None:
    assert server.post("https://stats.example.com/stats") == "200"


def _posts_through_caddy(server: Server) -> None:
    """Here it signs its certificates itself."""
    server.sh(
        "sed -i 's/auto_https disable_redirects/&\\n\\tlocal_certs\\n\\tskip_install_trust/' /etc/caddy/Caddyfile\n"
        "systemctl reload caddy\n"
        "until curl -sk --resolve '*:443:127.0.0.1' https://stats.example.com/stats; do sleep 0.1; done"
    )
    assert server.post("https://stats.example.com/stats") == "200"


def _prometheus_takes_it(server: Server) -> None:
    """Within the configuration that Debian's package brings."""
    there = yaml.safe_load(server.sh("cat /etc/prometheus/prometheus.yml"))
    added = yaml.safe_load(fences(INSTALL, "yaml")["Prometheus"])
    both = {**there, **{name: [*(there.get(name) or []), *entries] for name, entries in added.items()}}
    (server.directory / "prometheus.yml").write_text(yaml.safe_dump(both))
    said = server.sh(f"promtool check config {server.directory}/prometheus.yml")
    assert len(re.findall(r"SUCCESS: [1-9]\d* rules found", said)) == len(
        list(DASHBOARDS.glob("prometheus/*.rules.yml"))
    )


def _grafana_reads_files(server: Server) -> None:
    """The provider names the folder in which they are."""
    provider = yaml.safe_load(server.sh("cat /etc/grafana/provisioning/dashboards/live-updates.yml"))["providers"][0]
    there = server.sh(f"ls {provider['options']['path']}").split()
    assert set(there) == {path.name for path in DASHBOARDS.glob("grafana/*.json")}
    server.sh("until curl -sf http://localhost:3000/; do sleep 0.1; done")


def _grafana_was_given_each(server: Server) -> None:
    """Whole, to be put over what is there."""
    given = {
        body["dashboard"]["uid"]: (path, who, body["overwrite"]) for _, path, who, body in server.asked_of_grafana()
    }
    assert given.keys() == {path.stem for path in DASHBOARDS.glob("grafana/*.json")}
    assert set(given.values()) == {("/api/dashboards/db", "Bearer a-token", True)}


def _log_is_written_and_rotated(server: Server) -> None:
    """Its group reads it, rotated or not, and nothing else; after a rotation it goes on in a new file."""
    server.sh("id shipper 2> /dev/null || useradd --system shipper; usermod --append --groups capgo-exporter shipper")
    for device in ("before", "after"):
        assert server.post(device_id=device) == "200"
        server.sh(f"until grep -qs {device} {LOG}; do sleep 0.1; done")
        server.sh("logrotate --force /etc/logrotate.d/capgo-exporter")
        server.sh(f"until [ -e {LOG} ]; do sleep 0.1; done")
    read = "runuser -u shipper -- "
    assert "before" in server.sh(f"{read} zcat /var/log/capgo-exporter/events.log.2.gz")
    assert "after" in server.sh(f"{read} cat /var/log/capgo-exporter/events.log.1")
    assert server.machine.run(f"{read} ls /var/lib/capgo-exporter").returncode != 0


def _copies_are_made(server: Server) -> None:
    assert "capgo-exporter-backup.timer" in server.sh("systemctl list-timers --no-pager")
    server.sh("systemctl start capgo-exporter-backup")
    assert server.sh("ls /var/backups/capgo-exporter").count("ledger-") == 1
    assert server.metric("capgo_exporter_last_backup_timestamp_seconds") > 0


def _went_on(server: Server) -> None:
    """Nothing of what was counted is missing."""
    assert server.shown("ActiveState") == "active"
    assert server.metric(LEDGER) == 5


def _opened(how: str) -> Check:
    def check(server: Server) -> None:
        assert (
            server.sh(f"curl -s http://127.0.0.1:10058/metrics | grep -c 'opened{{how=\"{how}\"}} 1.0'").strip() == "1"
        )
        _went_on(server)

    return check


def _device_is_gone(server: Server) -> None:
    """Of all rotated logs; others' lines are there, for the same readers."""
    logs = "/var/log/capgo-exporter/events.log.*"
    assert server.machine.run(f"zgrep -i {DEVICE} {logs}").returncode == 1
    assert server.sh(f"zgrep -h another {logs}").count("\n") == 1
    assert set(server.sh(f"stat --format='%a %U %G' {logs}").splitlines()) == {"640 capgo-exporter capgo-exporter"}


def _both_tokens_open(server: Server) -> None:
    tokens = server.sh("sed -n 's/^CAPGO_PATH_TOKEN=//p' /etc/default/capgo-exporter").strip().split(",")
    assert tokens[1] == "first"
    statuses = [server.post(f"http://127.0.0.1:8080/{token}/stats") for token in tokens]
    assert (statuses, server.post()) == (["200", "200"], "404")


def _only_the_new_token_opens(server: Server) -> None:
    (token,) = server.sh("sed -n 's/^CAPGO_PATH_TOKEN=//p' /etc/default/capgo-exporter").split()
    assert server.post(f"http://127.0.0.1:8080/{token}/stats") == "200"
    assert server.post("http://127.0.0.1:8080/first/stats") == "404"


def _password_was_changed(server: Server) -> None:
    *_, (method, path, who, body) = server.asked_of_grafana()
    assert (method, path) == ("PUT", "/api/user/password")
    assert base64.b64decode(who.removeprefix("Basic ")) == b"admin:old'"
    assert body == {"oldPassword": "old'", "newPassword": 'new"', "confirmNew": 'new"'}


def _metrics_are_guarded(server: Server) -> None:
    """Only they are there, and only for who knows the password, as Prometheus does by the page's configuration."""
    ask = "curl -sk -o /dev/null -w '%{http_code}' --resolve '*:10059:127.0.0.1' https://stats.example.com:10059"
    known = '-u "prometheus:$(cat /etc/capgo-metrics.password)"'
    assert server.sh(f"{ask}/metrics") == "401"
    assert server.sh(f"{ask}/metrics {known}") == "200"
    for path in ("/", "/readyz", "/healthz", "/backup", "/metrics/"):
        assert server.sh(f"{ask}{path} {known}") == "404", path
    _prometheus_gets_in(server)


def _prometheus_gets_in(server: Server) -> None:
    config = yaml.safe_load(fences(OPERATING, "yaml")["What Prometheus needs then"])
    config["scrape_configs"][0] |= {"scrape_interval": "1s", "tls_config": {"insecure_skip_verify": True}}
    (server.directory / "scrape.yml").write_text(yaml.safe_dump(config))
    server.sh(
        "install -m 644 /etc/capgo-metrics.password /etc/prometheus/; echo 127.0.0.1 stats.example.com >> /etc/hosts\n"
        f"systemd-run --quiet --unit=scraper prometheus --config.file={server.directory}/scrape.yml"
        " --storage.tsdb.path=/run/scraper --web.listen-address=127.0.0.1:9099\n"
        "until curl -sf 'http://127.0.0.1:9099/api/v1/query?query=up==1' | grep capgo-exporter-1; do sleep 0.1; done\n"
        "systemctl stop scraper"
    )


BEFORE = {
    "Caddy": "systemctl stop nginx",
    "nginx before /metrics": "systemctl stop caddy",
    "Caddy before /metrics": "systemctl stop nginx",
    "Change the path token": "echo CAPGO_PATH_TOKEN=first >> /etc/default/capgo-exporter",
    "Erase a device": "curl -sf http://127.0.0.1:8080/stats -d '{lines}'",
}
GIVEN = {
    "Grafana by its API": {"GRAFANA_TOKEN": "a-token"},
    "Change Grafana's password": {"OLD": "old'", "NEW": 'new"'},
    "Erase a device": {"device": DEVICE},
}
CHECKS: dict[str, Check] = {
    "The program": lambda server: None,
    "The service": _serves,
    "nginx": _posts_through_nginx,
    "Caddy": _posts_through_caddy,
    "Prometheus": _prometheus_takes_it,
    "Grafana": _grafana_reads_files,
    "Grafana by its API": _grafana_was_given_each,
    "The event log": _log_is_written_and_rotated,
    "Backups": _copies_are_made,
    "Upgrade": _went_on,
    "Downgrade": _went_on,
    "Backup": _went_on,
    "Restore": _opened("restored"),
    "Another machine": _opened("found"),
    "Erase a device": _device_is_gone,
    "Change the path token": _both_tokens_open,
    "Take the old token out": _only_the_new_token_opens,
    "Change Grafana's password": _password_was_changed,
    "nginx before /metrics": _metrics_are_guarded,
    "Caddy before /metrics": _metrics_are_guarded,
}


def test_every_command_of_the_pages_is_run() -> None:
    """In the pages' order."""
    assert list(CHECKS) == list(PAGES)
    assert len(PAGES) == len(INSTALLING) + len(LIVING)


@pytest.mark.parametrize("heading", CHECKS)
def test_what_the_page_says_works(heading: str, server: Server) -> None:
    """The commands under a heading end well, and what they are for is done."""
    lines = json.dumps([event(device_id=DEVICE.upper()), event(device_id="another")])
    server.sh(BEFORE.get(heading, "true").replace("{lines}", lines))
    said = server.walk(heading, **GIVEN.get(heading, {}))
    CHECKS[heading](server)
    assert "rror" not in said.replace("--show-error", "")


def test_files_have_the_modes_that_the_page_says(server: Server) -> None:
    """And nothing else lies in the data directory, but what is named below the table."""
    rows = re.findall(r"(?m)^\| `(/[^`]+)` \| (\d+) ([a-z-]+) \|", OPERATING.read_text())
    assert len(rows) == 8
    for path, mode, owner in rows:
        assert server.sh(f"stat --format='%a %U' {path}").split() == [mode, owner], path
    known = {Path(path).name for path, *_ in rows}
    there = {
        name for name in server.sh("ls /var/lib/capgo-exporter").split() if not re.search(r"-wal$|replaced-\d", name)
    }
    assert there <= known


def test_a_process_that_hangs_is_started_anew(server: Server) -> None:
    """By systemd itself, whose patience is cut here: no sign of life, whatever the reason, and soon it serves again."""
    server.sh(
        "mkdir /run/systemd/system/capgo-exporter.service.d; cd /run/systemd/system/capgo-exporter.service.d\n"
        "printf '[Service]\nWatchdogSec=3s\nRestartSec=100ms\n' > test.conf\n"
        "systemctl daemon-reload; systemctl restart capgo-exporter"
    )
    server.sh(f"kill -STOP {server.shown('MainPID')}; {ANEW}")
    assert "Watchdog timeout" in server.sh("journalctl --no-pager --unit capgo-exporter")
    server.sh(
        "rm -r /run/systemd/system/capgo-exporter.service.d; systemctl daemon-reload; systemctl restart capgo-exporter"
    )


def test_reloads_at_any_moment_harm_nobody(server: Server) -> None:
    """While it starts systemd keeps them back, for a signal would end a process that does not yet listen for it."""
    server.sh(
        "for i in 1 3; do systemctl restart --no-block capgo-exporter; sleep 0.$i\n"
        "systemctl reload capgo-exporter || true\n"
        "systemctl start capgo-exporter; systemctl reload capgo-exporter; done; curl -sf 127.0.0.1:10058/readyz"
    )
    assert server.shown("NRestarts") == "0"


def test_a_wrong_setting_is_not_tried_for_ever(server: Server) -> None:
    """Exit code 2, and the unit is failed; any other end is followed by a start."""
    server.sh(f"kill -KILL {server.shown('MainPID')}; {ANEW}")
    server.sh("echo CAPGO_MAX_BATCH=none >> /etc/default/capgo-exporter")
    assert server.machine.run("systemctl restart capgo-exporter").returncode != 0
    server.sh("until systemctl is-failed capgo-exporter; do sleep 0.1; done")
    assert server.shown("ExecMainStatus") == "2"
    assert server.shown("SubState") == "failed"


def test_links_of_the_pages_lead_somewhere() -> None:
    """To a file, and to a heading where they name one."""
    for page in (INSTALL, OPERATING):
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
            file = (page.parent / target).resolve() if target else page
            assert file.exists(), target
            headings = re.findall(r"(?m)^#+ (.*)$", file.read_text()) if anchor else []
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert not anchor or anchor in anchors, (page.name, target, anchor)
