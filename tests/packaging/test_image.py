"""The image, made by the Dockerfile's own steps, holds a program that works without the sources."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging import dockerfile
from tests.packaging.dockerfile import Image
from tests.packaging.project import run
from tests.support.harness import LOCALHOST, Exporter

EVENT = {"app_id": "com.example.app", "action": "set", "platform": "android", "version_name": "1.0.0"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of this working tree."""
    return dockerfile.build(tmp_path_factory.mktemp("image"))


class Container(Exporter):
    """The image's entry point with the image's environment and nothing else, but for addresses on this machine only."""

    def __init__(self, image: Image, directory: Path) -> None:
        super().__init__(directory)
        program, *arguments = image.entrypoint
        assert arguments == [], "a command after the image's name must be the program's"
        self.argv = [str(image.path("/opt/capgo-exporter/bin") / program)]
        self.directory = image.workdir
        self.environment = image.environment | {
            "CAPGO_LISTEN": f"{LOCALHOST}:{self.port}",
            "CAPGO_METRICS_LISTEN": f"{LOCALHOST}:{self.metrics_port}",
            "CAPGO_ZERO_HOLD": "0s",
        }


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Iterator[Container]:
    """The program as the image starts it."""
    with Container(image, tmp_path) as running:
        yield running


def healthcheck(image: Image, port: int) -> int:
    """The exit code of the image's health check, in a container whose private port was moved."""
    program, *rest = image.healthcheck
    environment = image.environment | {"CAPGO_METRICS_LISTEN": f"{LOCALHOST}:{port}"}
    return run(image.path("/opt/capgo-exporter/bin") / program, *rest, env=environment).returncode


def test_the_image_counts_a_post_and_ends_in_peace(container: Container) -> None:
    """Built from a clean copy and run outside the source tree, it is ready, counts an event and exits 0 on SIGTERM."""
    assert container.post(EVENT).status == http.client.OK
    assert container.scrape().total("capgo_events_total", app_id="com.example.app", action="set") == 1
    assert container.terminate() == 0, container.logs()


def test_the_health_check_tells_a_ready_exporter_from_a_stopped_one(image: Image, container: Container) -> None:
    """Exit code 0 while it is ready, another when nothing answers."""
    assert healthcheck(image, container.metrics_port) == 0
    container.terminate()
    assert healthcheck(image, container.metrics_port) != 0


def test_nothing_is_written_but_to_the_data_directory(image: Image, tmp_path: Path) -> None:
    """So the root file system may be read-only."""

    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in image.path("/opt").rglob("*")}

    before = files()
    with Container(image, tmp_path) as running:
        running.post(EVENT)
        running.terminate()
    assert files() == before
    assert list(image.path("/data").iterdir())


def test_the_image_is_not_run_as_root(image: Image) -> None:
    """By number, which is what Kubernetes' runAsNonRoot can check."""
    user, group = image.user.split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_installs_nothing_that_is_not_locked() -> None:
    """Each pip install is of hashed requirements, or of the wheel that was just built."""
    installs = [
        step.text for stage in dockerfile.stages() for step in stage if "pip" in step.text and " install " in step.text
    ]
    assert len(installs) == 3
    for text in installs:
        assert "--require-hashes" in text or "--no-index --no-deps" in text, text
