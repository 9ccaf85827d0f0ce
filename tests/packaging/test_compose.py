"""docker-compose.yml is valid for each profile, closed but for the ports that must be open, and its parts meet."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings import Settings
from tests.packaging import dockerfile
from tests.packaging.project import DASHBOARDS, PROGRAM, ROOT, default, load, run, seconds, succeed
from tests.support.harness import Exporter

PROFILES = {
    "": {"exporter", "prometheus", "alertmanager", "grafana"},
    "tls": {"exporter", "prometheus", "alertmanager", "grafana", "caddy"},
    "logs": {"exporter", "prometheus", "alertmanager", "grafana", "loki"},
    "scale": {"exporter", "exporter-2", "prometheus", "alertmanager", "grafana", "haproxy"},
}
PASSWORD = {"GRAFANA_ADMIN_PASSWORD": "not-a-secret"}
DEMO = "dashboards/demo/docker-compose.yml"
IN_THE_IMAGE = {"CAPGO_LISTEN", "CAPGO_METRICS_LISTEN", "CAPGO_DATA_DIR"}
"""What a container has no reason to change."""


@pytest.fixture
def services() -> dict[str, Any]:
    """All services, of whichever profile, as the file has them: each release of Compose prints a form of its own."""
    return dict(load("docker-compose.yml")["services"])


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_is_valid_and_starts_its_services(profile: str) -> None:
    """docker-compose accepts the file, and starts exactly these."""
    printed = configured(*(["--profile", profile] if profile else []), env=PASSWORD)
    started = {name for name, service in printed.items() if profile in service.get("profiles", [profile])}
    assert started == PROFILES[profile]


def configured(*words: str, env: dict[str, str]) -> dict[str, Any]:
    """The services as docker-compose understands them, with these variables and none of this machine's."""
    return dict(yaml.safe_load(succeed("docker-compose", *words, "config", env=bare(env)))["services"])


def bare(env: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | env


def test_without_a_password_for_grafana_nothing_starts_and_the_variable_is_named() -> None:
    """There is no default password to forget about."""
    refused = run("docker-compose", "config", env=bare({"GRAFANA_ADMIN_PASSWORD": ""}))
    assert refused.returncode != 0
    assert "GRAFANA_ADMIN_PASSWORD" in refused.stderr


def test_only_posts_and_tls_are_open_to_the_world(services: dict[str, Any]) -> None:
    """All other published ports are bound to this machine: counters and dashboards are nobody else's business."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    public = {port.partition(":")[0] for port in published if not port.startswith("127.0.0.1:")}
    assert public == {"${HTTP_ADDRESS", "80", "443"}


@pytest.mark.parametrize(("given", "address"), [({}, "127.0.0.1"), ({"HTTP_ADDRESS": "192.0.2.7"}, "192.0.2.7")])
def test_posts_without_tls_are_for_this_machine_unless_it_is_asked_for(given: dict[str, str], address: str) -> None:
    """Beside Caddy or HAProxy a second way in, past both, would be open to all."""
    for profile in ("tls", "scale"):
        ports = configured("--profile", profile, env=PASSWORD | given)["exporter"]["ports"]
        assert f"{address}:8080:8080/tcp" in [as_text(port) for port in ports]


def as_text(port: str | dict[str, Any]) -> str:
    """The one form of the two in which releases of Compose print a port."""
    if isinstance(port, str):
        return port
    return f"{port['host_ip']}:{port['published']}:{port['target']}/{port['protocol']}"


def test_every_setting_reaches_each_exporter_from_env(tmp_path: Path) -> None:
    """By the name that it has anywhere else, but for Grafana's address, which others ask for as well; those that .env
    does not name keep their defaults.
    """
    names = {f"CAPGO_{name.upper()}" for name in Settings.model_fields}
    file = tmp_path / "env"
    file.write_text("".join(f'{name}="a value of {name}"\n' for name in sorted(names)))
    given = configured("--profile", "scale", "--env-file", str(file), env=PASSWORD)
    without = configured("--profile", "scale", env=PASSWORD)
    for exporter in ("exporter", "exporter-2"):
        assert given[exporter]["environment"] == {name: f"a value of {name}" for name in names - IN_THE_IMAGE} | {
            "CAPGO_GRAFANA_URL": "http://localhost:3000"
        }
        set_anyway = {name for name, value in without[exporter]["environment"].items() if value is not None}
        assert set_anyway == {"CAPGO_TRUSTED_PROXY", "CAPGO_GRAFANA_URL"}


def test_exporters_believe_whoever_docker_puts_before_them() -> None:
    """Caddy and HAProxy have addresses out of Docker's own; the program takes the list as it is."""
    believed = configured("--profile", "scale", env=PASSWORD)["exporter-2"]["environment"]["CAPGO_TRUSTED_PROXY"]
    networks = [ip_network(text) for text in believed.split(",")]
    assert all(any(ip_address(inside) in network for network in networks) for inside in ("172.18.0.5", "192.168.16.3"))
    assert not any(ip_address(outside) in network for network in networks for outside in ("8.8.8.8", "172.32.0.1"))
    succeed(PROGRAM, "serve", "--trusted-proxy", believed, "--help")


def test_nothing_grows_without_end(services: dict[str, Any]) -> None:
    """Logs are rotated, memory has a limit, and Prometheus' disk as well."""
    for name, service in services.items():
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert re.fullmatch(r"\$\{[A-Z]+_MEMORY:-\d+[mg]\}", service["mem_limit"]), name
    kept = [word for word in services["prometheus"]["command"] if ".retention." in word]
    assert [word.partition("=")[0] for word in kept] == [
        "--storage.tsdb.retention.time",
        "--storage.tsdb.retention.size",
    ]


def test_each_service_has_time_to_end(services: dict[str, Any]) -> None:
    """Docker's own ten seconds are less than the exporter waits for a slow phone."""
    needed = seconds(default("--request-timeout")) + 15
    assert [name for name, service in services.items() if seconds(service["stop_grace_period"]) < needed] == []


def test_every_service_is_kept_from_what_it_does_not_need(services: dict[str, Any]) -> None:
    """No capabilities, no new privileges, a read-only root; Grafana alone can't live with the last."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) == (name != "grafana"), name
    assert {name for name, service in services.items() if "cap_add" in service} == {"caddy"}


def test_every_image_has_a_version() -> None:
    """A tag says which, so that tomorrow's pull gives what was tried today; our own image is built here."""
    for name, service in load("docker-compose.yml")["services"].items():
        assert service["image"] == "capgo-exporter" or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_every_mounted_folder_is_in_the_repository(services: dict[str, Any]) -> None:
    """An engine would create a missing one, empty, and the service would start without its configuration."""
    mounted = [volume.split(":") for service in services.values() for volume in service.get("volumes", [])]
    folders = [source for source, *_ in mounted if source.startswith((".", "/"))]
    assert len(folders) > 4
    assert [source for source in folders if not source.startswith("./") or not any((ROOT / source).iterdir())] == []


def test_each_alert_is_loaded_once(services: dict[str, Any]) -> None:
    """By Prometheus; Grafana's form of the same rules would tell everything a second time."""
    assert "./dashboards/prometheus:/etc/prometheus:ro" in services["prometheus"]["volumes"]
    assert not [volume for volume in services["grafana"]["volumes"] if "alerting" in volume]


def test_grafana_opens_with_a_dashboard_that_is_there(services: dict[str, Any]) -> None:
    """Its home dashboard lies in the folder that the provider reads."""
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    provider = load("dashboards/grafana/provisioning/dashboards/dashboards.yml")["providers"][0]
    assert str(home.parent) == provider["options"]["path"]
    assert (DASHBOARDS / "grafana" / home.name).is_file()


def test_every_address_inside_is_of_a_service_that_listens_there(services: dict[str, Any]) -> None:
    """Scrape targets, the Alertmanager, the data sources, Caddy's upstream and the demo's URL."""
    [environment] = [step.text for step in dockerfile.stages()[-1] if step.instruction == "ENV"]
    metrics_port = re.findall(r"CAPGO_METRICS_LISTEN=0\.0\.0\.0:(\d+)", environment)
    listening = {
        "exporter": {"8080", *metrics_port},
        "prometheus": {"9090"},
        "alertmanager": {"9093"},
        "loki": {str(load("dashboards/loki/config.yml")["server"]["http_listen_port"])},
    }
    texts = [
        (DASHBOARDS / path).read_text()
        for path in (
            "prometheus/prometheus.yml",
            "caddy/Caddyfile",
            "grafana/provisioning/datasources/datasources.yml",
            "loki/logs.env",
        )
    ] + [json.dumps(load(DEMO)["services"]["fleet"])]
    used = {match for text in texts for match in re.findall(r"\b([a-z]+):(\d{4,5})\b", text)}
    assert used == {(name, port) for name, ports in listening.items() for port in ports}


def test_loki_keeps_what_it_is_sent_for_a_month_on_a_volume_of_its_own(services: dict[str, Any]) -> None:
    """Everything that it writes is below the volume, it can erase, counts devices, and tells nobody of its use."""
    config = load("dashboards/loki/config.yml")
    _, _, volume = next(mount for mount in services["loki"]["volumes"] if mount.startswith("loki:")).rpartition(":")
    assert config["common"]["path_prefix"] == volume
    folders = [config["compactor"]["working_directory"], *config["common"]["storage"]["filesystem"].values()]
    assert all(folder.startswith(f"{volume}/") for folder in folders)
    assert config["limits_config"]["retention_period"] == "30d"
    assert (config["compactor"]["retention_enabled"], config["compactor"]["delete_request_store"]) == (
        True,
        "filesystem",
    )
    assert config["limits_config"]["max_query_series"] > 500
    assert config["analytics"]["reporting_enabled"] is False


@pytest.mark.parametrize(
    ("environment", "anonymous"),
    [
        ({}, "true"),
        ({"CAPGO_EVENT_STORE": "http://loki:3100/otlp/v1/logs"}, "false"),
        ({"CAPGO_EVENT_STORE": "http://loki:3100/otlp/v1/logs", "GRAFANA_ANONYMOUS": "true"}, "true"),
    ],
)
def test_beside_a_log_store_nobody_looks_without_a_password(
    services: dict[str, Any], environment: dict[str, str], anonymous: str
) -> None:
    """Viewers would read device ids and messages. Grafana's start is played with `env` in its place."""
    shell, flag, script = services["grafana"]["entrypoint"]
    script = script.replace("$$", "$").replace("/run.sh", "env")
    given = {"CAPGO_EVENT_STORE": "", "GRAFANA_ANONYMOUS": ""} | environment
    given["GF_AUTH_ANONYMOUS_ENABLED"] = services["grafana"]["environment"]["GF_AUTH_ANONYMOUS_ENABLED"]
    said = succeed(shell, flag, script, env=os.environ | given)
    assert f"GF_AUTH_ANONYMOUS_ENABLED={anonymous}\n" in said


def test_what_the_log_store_needs_in_env_is_what_the_exporter_takes(services: dict[str, Any]) -> None:
    """Each variable reaches a service under its own name, and the exporter accepts its value."""
    lines = (DASHBOARDS / "loki/logs.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert given.pop("COMPOSE_PROFILES") == "logs"
    for name, value in given.items():
        assert name in services["exporter"]["environment"]
        assert succeed(PROGRAM, "serve", f"--{name.removeprefix('CAPGO_').replace('_', '-').lower()}", value, "--help")


def test_the_demo_is_a_fleet_that_the_program_can_simulate(tmp_path: Path) -> None:
    """Its command, cut to two seconds and pointed at an exporter here, ends well and is counted."""
    command = load(DEMO)["services"]["fleet"]["command"]
    command = [re.sub(r"--duration=.*", "--duration=2s", word) for word in command]
    with Exporter(tmp_path) as exporter:
        here = [word.replace("exporter:8080", f"127.0.0.1:{exporter.port}") for word in command]
        succeed(PROGRAM, *here)
        assert exporter.scrape().total("capgo_events_total") > 0


def test_the_demo_never_meets_what_is_real(services: dict[str, Any]) -> None:
    """It is a project of its own, so its volumes are, and no port of it is one of the real stack's. There, no fleet."""
    assert not [name for name, service in services.items() if "simulate" in json.dumps(service)]
    demo = configured("-f", DEMO, env={"GRAFANA_ADMIN_PASSWORD": "demo"})
    given = dict(line.split("=", 1) for line in (ROOT / DEMO).with_name(".env").read_text().splitlines()[1:])
    assert given["COMPOSE_PROJECT_NAME"] == "capgo-demo"
    real = {name: it for name, it in configured(env=PASSWORD).items() if name in PROFILES[""]}
    ports = [{as_text(port) for one in stack.values() for port in one.get("ports", [])} for stack in (demo, real)]
    assert len(ports[0]) == len(ports[1]) == 5
    assert not {port.split(":")[1] for port in ports[0]} & {port.split(":")[1] for port in ports[1]}
    assert all(port.startswith("127.0.0.1:") for port in ports[0])
    assert demo.keys() == real.keys() | {"loki", "fleet"}


def test_readmes_first_commands_never_overwrite_env(tmp_path: Path) -> None:
    """Repeated, they leave .env as it was: another password would let nobody in. Only its owner reads it."""
    commands = [
        line for line in (ROOT / "README.md").read_text().splitlines() if ".env" in line and "docker" not in line
    ]
    commands = [line for line in commands if re.match(r"(\[|\(|grep|cat|echo)", line)]
    assert len(commands) == 2
    commands.insert(1, "grep -q DOMAIN= .env || printf 'DOMAIN=a.example.com\\nCOMPOSE_PROFILES=tls\\n' >> .env")
    (tmp_path / "dashboards").symlink_to(DASHBOARDS)
    said = []
    for _ in range(2):
        for command in commands:
            subprocess.run(["bash", "-euc", command], cwd=tmp_path, check=True)
        said.append((tmp_path / ".env").read_text())
    assert said[0] == said[1]
    assert re.match(r"GRAFANA_ADMIN_PASSWORD=[0-9a-f]{32}\n", said[0])
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert "CAPGO_EVENT_STORE=" in said[0]
    assert re.findall("(?m)^COMPOSE_PROFILES=(.*)", said[0])[-1] == "logs,tls"
