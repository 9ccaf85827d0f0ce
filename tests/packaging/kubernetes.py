"""The Kubernetes manifests as kubectl renders them, and how selectors find pods."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.packaging.project import DASHBOARDS, succeed

OVERLAYS = ("scaled", "single", "event-store")
KUBECTL = "kubectl"
Json = dict[str, Any]


@cache
def objects(overlay: str) -> list[Json]:
    """What `kubectl apply -k` would send."""
    return list(yaml.safe_load_all(succeed(KUBECTL, "kustomize", DASHBOARDS / "kubernetes" / overlay)))


def of_kind(overlay: str, kind: str) -> dict[str, Json]:
    """The objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects(overlay) if each["kind"] == kind}


def workloads(overlay: str) -> dict[str, Json]:
    """What makes pods, by the one container's name."""
    return {
        pod(each)["spec"]["containers"][0]["name"]: each
        for each in objects(overlay)
        if each["kind"] in {"Deployment", "StatefulSet"}
    }


def pod(workload: Json) -> Json:
    """The template of its pods."""
    template: Json = workload["spec"]["template"]
    return template


def container(workload: Json) -> Json:
    """The only one of its pods."""
    [found] = pod(workload)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def environment(workload: Json) -> dict[str, str]:
    """The variables whose values are written down."""
    return {each["name"]: each["value"] for each in container(workload).get("env", []) if "value" in each}


def ports(workload: Json) -> dict[str, int]:
    """Its container's ports by name."""
    return {each["name"]: each["containerPort"] for each in container(workload)["ports"]}


def selected(overlay: str, labels: Mapping[str, str]) -> set[str]:
    """The workloads whose pods carry these labels, by their containers' names."""
    return {
        name
        for name, workload in workloads(overlay).items()
        if labels and labels.items() <= pod(workload)["metadata"]["labels"].items()
    }


def text_of(overlay: str, file: str) -> str:
    """A file of a ConfigMap."""
    [found] = [each["data"][file] for each in objects(overlay) if file in each.get("data", {})]
    return str(found)


def files() -> list[Path]:
    """All that is written by hand or by the generator."""
    return sorted((DASHBOARDS / "kubernetes").rglob("*.yaml"))
