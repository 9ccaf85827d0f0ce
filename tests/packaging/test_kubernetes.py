"""The Kubernetes manifests render, are valid by the published schemas, and their names and ports are the exporter's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from dashboards.generator.selectors import JOB_NAME
from exporter.metrics.readiness import NOTICE_SECONDS
from tests.packaging import dockerfile
from tests.packaging.kubernetes import (
    OVERLAYS,
    container,
    environment,
    files,
    objects,
    of_kind,
    pod,
    ports,
    selected,
    text_of,
    workloads,
)
from tests.packaging.project import DASHBOARDS, ROOT, default, load, run, seconds, succeed
from tests.support.balancer import certificate
from tests.support.harness import Exporter

RELEASES = ("1.31", "1.37")
"""From the one in which a StatefulSet's first ordinal became stable to the newest whose schemas are at hand."""
OPERATOR = ROOT / "tests/packaging/node"

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
@pytest.mark.parametrize("release", RELEASES)
def test_every_object_is_valid(overlay: str, release: str) -> None:
    """By Kubernetes' own schemas, in which no unknown field passes."""
    for each in objects(overlay):
        if not each["apiVersion"].startswith("monitoring.coreos.com"):
            kubernetes_validate.validate(each, release, strict=True)


def faults(operators: list[dict[str, Any]]) -> str:
    """What the operator's schemas and types say against its objects."""
    done = subprocess.run(
        ["node", "validate.mjs"], input=json.dumps(operators), cwd=OPERATOR, capture_output=True, text=True, check=True
    )
    return done.stdout


def operators(overlay: str) -> list[dict[str, Any]]:
    return [each for each in objects(overlay) if each["apiVersion"].startswith("monitoring.coreos.com")]


def test_every_object_of_the_operator_is_valid() -> None:
    """By the schemas of its resources' definitions."""
    found = [each for overlay in OVERLAYS for each in operators(overlay)]
    assert {each["kind"] for each in found} == {"ServiceMonitor", "PrometheusRule"}
    assert faults(found) == ""


def test_a_misspelt_field_of_the_operators_objects_would_be_found() -> None:
    """Names by the types, values by the schemas."""
    text = json.dumps(operators("scaled"))
    said = faults(json.loads(text.replace('"relabelings"', '"relabeling"').replace('"15s"', '"15 s"')))
    assert "relabeling" in said
    assert "interval must match" in said


@each_overlay
def test_services_and_budgets_and_policies_select_the_pods_they_are_about(overlay: str) -> None:
    """A selector that finds nothing is valid too."""
    named = {"capgo-exporter": "exporter", "capgo-haproxy": "haproxy"}
    named["capgo"] = "exporter" if overlay == "single" else "haproxy"
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "StatefulSet", "Deployment"):
        for name, each in of_kind(overlay, kind).items():
            spec = each["spec"]
            selector = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
            labels = selector if kind == "Service" else selector["matchLabels"]
            assert selected(overlay, labels) == {named[name]}, f"{kind} {name}"


@each_overlay
def test_services_and_monitors_lead_to_ports_that_are_there(overlay: str) -> None:
    """By name; and a monitor finds the service whose name is the job's."""
    for service in of_kind(overlay, "Service").values():
        [target] = selected(overlay, service["spec"]["selector"])
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports(workloads(overlay)[target]).keys()
    for name, monitor in of_kind(overlay, "ServiceMonitor").items():
        wanted = monitor["spec"]["selector"]["matchLabels"]
        for service in of_kind(overlay, "Service").values():
            offered = {port["name"] for port in service["spec"]["ports"]}
            if wanted.items() <= service["metadata"].get("labels", {}).items():
                scraped = {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} & offered
                assert bool(scraped) == (service["metadata"]["name"] == name)
    assert JOB_NAME in of_kind(overlay, "ServiceMonitor")


def reachable(overlay: str, target: str) -> dict[str, set[str]]:
    """By port, who may reach a workload's pods: workloads, `prometheus`, or `everybody`."""
    [policy] = [
        each["spec"]
        for each in of_kind(overlay, "NetworkPolicy").values()
        if selected(overlay, each["spec"]["podSelector"]["matchLabels"]) == {target}
    ]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    found: dict[str, set[str]] = {}
    for rule in policy["ingress"]:
        peers: set[str] = set() if "from" in rule else {"everybody"}
        for peer in rule.get("from", []):
            labels = peer["podSelector"]["matchLabels"]
            peers |= {"prometheus"} if "namespaceSelector" in peer else selected(overlay, labels)
        for port in rule["ports"]:
            found.setdefault(port["port"], set()).update(peers)
    return found


def test_only_those_reach_a_port_who_must() -> None:
    """The exporters' numbers are for Prometheus, their readiness for HAProxy, who alone sends them posts."""
    for overlay in ("scaled", "event-store"):
        assert reachable(overlay, "exporter") == {"stats": {"haproxy"}, "metrics": {"haproxy", "prometheus"}}
        everybody = {"everybody"}
        assert reachable(overlay, "haproxy") == {"http": everybody, "https": everybody, "private": {"prometheus"}}
    assert reachable("single", "exporter") == {"stats": {"everybody"}, "metrics": {"prometheus"}}


def test_the_exporter_asks_nobody_unless_there_is_a_store() -> None:
    """And HAProxy asks the exporters and the names' server."""
    for overlay, least in (("scaled", 0), ("single", 0), ("event-store", 2)):
        assert len(of_kind(overlay, "NetworkPolicy")["capgo-exporter"]["spec"]["egress"]) == least
    [to_exporters, _] = of_kind("scaled", "NetworkPolicy")["capgo-haproxy"]["spec"]["egress"]
    assert selected("scaled", to_exporters["to"][0]["podSelector"]["matchLabels"]) == {"exporter"}
    assert {port["port"] for port in to_exporters["ports"]} == {*ports(workloads("scaled")["exporter"]).values()}


@each_overlay
def test_no_pod_may_more_than_it_must(overlay: str) -> None:
    """No root, no rights, no writing but to its volume, no token of the cluster."""
    for workload in workloads(overlay).values():
        spec, only = pod(workload)["spec"], container(workload)
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= only["resources"].keys()


def test_the_pod_is_what_the_image_is_made_for() -> None:
    """Its user, its ports, its volume."""
    workload = workloads("scaled")["exporter"]
    image = {step.instruction: step.text for step in dockerfile.stages()[-1]}
    context = pod(workload)["spec"]["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == image["USER"]
    assert context["fsGroup"] == context["runAsGroup"]
    assert {str(port) for port in ports(workload).values()} == set(image["EXPOSE"].split())
    [mount] = container(workload)["volumeMounts"]
    assert mount["mountPath"] == image["VOLUME"]
    [claim] = workload["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == mount["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"], "one ledger, one exporter"


@each_overlay
def test_the_exporter_takes_its_environment_and_answers_its_probes(overlay: str, tmp_path: Path) -> None:
    """The settings of the manifest are settings, and each probe asks for what is there."""
    workload = workloads(overlay)["exporter"]
    exporter = Exporter(tmp_path)
    exporter.environment |= environment(workload)
    with exporter:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container(workload)[name]["httpGet"]
            assert ports(workload)[probe["port"]] == 10058
            assert exporter.private(probe["path"]).status == 200
        assert '"level": "warning"' not in exporter.logs()


def test_a_pod_has_the_time_to_end_that_the_exporter_takes() -> None:
    """Notice to the balancers, what is under way, and the last commit."""
    grace = pod(workloads("scaled")["exporter"])["spec"]["terminationGracePeriodSeconds"]
    assert grace > NOTICE_SECONDS + seconds(default("--request-timeout")) + 5


def test_instances_are_the_pods_names_and_scraped_often_enough() -> None:
    """`instance` stays when a pod moves; births are seen within the hold."""
    for monitor in of_kind("scaled", "ServiceMonitor").values():
        [endpoint] = monitor["spec"]["endpoints"]
        assert endpoint["relabelings"] == [{"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}]
        assert 2 * seconds(endpoint["interval"]) < seconds(default("--zero-hold"))


def test_the_rules_are_those_that_prometheus_is_given_elsewhere() -> None:
    """The recordings, then the alerts."""
    [rules] = of_kind("scaled", "PrometheusRule").values()
    wanted = [
        group
        for name in ("capgo.recording.rules.yml", "capgo.longterm.rules.yml", "capgo.rules.yml")
        for group in load(f"dashboards/prometheus/{name}")["groups"]
    ]
    assert rules["spec"]["groups"] == wanted


@each_overlay
def test_grafanas_sidecar_finds_every_dashboard(overlay: str) -> None:
    """By its label, with the file's own text; each is small enough for one object."""
    labelled = [
        each["data"]
        for each in of_kind(overlay, "ConfigMap").values()
        if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
    ]
    found = {name: text for data in labelled for name, text in data.items()}
    assert found == {path.name: path.read_text() for path in (DASHBOARDS / "grafana").glob("*.json")}
    assert max(map(len, found.values())) < 2**20


# HAProxy inside.


def lines(word: str) -> list[list[str]]:
    """The configuration's lines that begin with a word, as words."""
    text = text_of("scaled", "haproxy.cfg")
    return [line.split() for line in re.findall(rf"(?m)^\s*({word} .*?)\s*(?:#.*)?$", text)]


def test_haproxy_knows_every_pod_by_the_name_that_it_has() -> None:
    """`<set>-<ordinal>.<service>.<namespace>.svc.cluster.local`, and by its number."""
    workload = workloads("scaled")["exporter"]
    name, spec = workload["metadata"]["name"], workload["spec"]
    first = spec["ordinals"]["start"]
    servers = lines("server")
    for number, (_, server, address, *rest) in enumerate(servers, start=first):
        assert server == f"{name}-{number}"
        assert address == f'"{name}-{number}${{CAPGO_DOMAIN}}:{ports(workload)["stats"]}"'
        assert rest == ["id", str(number)]
    assert len(servers) >= spec["replicas"]
    domain = environment(workloads("scaled")["haproxy"])["CAPGO_DOMAIN"]
    assert domain == f".{spec['serviceName']}.$(NAMESPACE).svc.cluster.local"
    assert of_kind("scaled", "Service")[spec["serviceName"]]["spec"]["clusterIP"] == "None"
    [check] = lines("default-server")
    assert check[check.index("port") + 1] == str(ports(workload)["metrics"])


def test_haproxy_listens_where_its_pod_says() -> None:
    """Posts, posts by TLS, and what is private."""
    workload = workloads("scaled")["haproxy"]
    bound = {int(port) for line in lines("bind") for port in re.findall(r":::(\d+)\}", line[1])}
    assert bound == set(ports(workload).values())
    mounts = {mount["name"]: mount["mountPath"] for mount in container(workload)["volumeMounts"]}
    assert mounts["certificates"] in text_of("scaled", "haproxy.cfg")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A pod's files: the configuration, and a certificate as cert-manager's secret is mounted."""
    config = tmp_path / "haproxy.cfg"
    config.write_text(text_of("scaled", "haproxy.cfg"))
    [volume] = [each for each in pod(workloads("scaled")["haproxy"])["spec"]["volumes"] if "secret" in each]
    both = (certificate(tmp_path / "made") / "localhost.pem").read_text()
    chain, key = both.split("-----BEGIN PRIVATE")
    secret = {"tls.crt": chain, "tls.key": f"-----BEGIN PRIVATE{key}"}
    inside = tmp_path / "mounted/..2026_11_27"
    inside.mkdir(parents=True)
    for item in volume["secret"]["items"]:
        (inside / item["path"]).write_text(secret[item["key"]])
        (tmp_path / "mounted" / item["path"]).symlink_to(inside / item["path"])
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("certificates", ["mounted", "none"])
def test_haproxy_accepts_the_configuration_of_its_pod(mounted: Path, certificates: str) -> None:
    """With a certificate and without one."""
    (mounted / "none").mkdir()
    variables = environment(workloads("scaled")["haproxy"]) | {"CAPGO_CERTIFICATES": str(mounted / certificates)}
    done = run("haproxy", "-c", "-f", mounted / "haproxy.cfg", env={"PATH": "/usr/sbin:/usr/bin"} | variables)
    assert done.returncode == 0, done.stderr
    assert ("no SSL certificate" in done.stderr) == (certificates == "none"), done.stderr


def test_the_dockerfile_is_well_formed() -> None:
    """By hadolint; what it merely remarks, such as several RUN lines, is a matter of taste."""
    succeed("hadolint", "--failure-threshold", "warning", ROOT / "Dockerfile")


def test_no_file_is_left_out() -> None:
    """Each manifest is part of an overlay."""
    used = set()
    for kustomization in [path for path in files() if path.name == "kustomization.yaml"]:
        wanted = yaml.safe_load(kustomization.read_text())
        patches = [patch["path"] for patch in wanted.get("patches", [])]
        used |= {(kustomization.parent / name).resolve() for name in [*wanted["resources"], *patches]}
    assert {path for path in files() if path.name != "kustomization.yaml"} <= used
