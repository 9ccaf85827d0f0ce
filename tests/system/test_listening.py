"""Where it listens: on each address that a setting's host stands for."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.harness import REPLY_SECONDS, Exporter, free_port
from tests.system.test_lifecycle import outcome

ABSENT = "192.0.2.1"
"""An address that no machine has: it is for documents."""

NAMES = """
import runpy, socket
names, resolve = {names!r}, socket.getaddrinfo
socket.getaddrinfo = lambda host, port, *args, **more: [
    each for address in names.get(host, [host]) for each in resolve(address, port, *args, **more)
]
runpy.run_module("exporter", run_name="__main__", alter_sys=True)
"""


def exporter(directory: Path, names: dict[str, list[str]], host: str) -> Exporter:
    """One whose machine knows these names, with both ports on one of them."""
    ports = free_port(), free_port()
    made = Exporter(directory, listen=f"{host}:{ports[0]}", metrics_listen=f"{host}:{ports[1]}")
    made.port, made.metrics_port = ports
    made.argv[1:3] = ["-c", NAMES.format(names=names)]
    return made


def answer(address: str, port: int, path: str, body: bytes | None = None) -> int:
    """The status of the reply to a request, a POST if it has a body."""
    with closing(http.client.HTTPConnection(address, port, timeout=REPLY_SECONDS)) as connection:
        connection.request("GET" if body is None else "POST", path, body)
        return connection.getresponse().status


@pytest.mark.parametrize(
    ("addresses", "reached"),
    [
        (["::1", "127.0.0.1"], ["127.0.0.1", "::1"]),
        (["127.0.0.1", "::1"], ["127.0.0.1", "::1"]),
        (["127.0.0.1", "127.0.0.1", "127.0.0.3"], ["127.0.0.1", "127.0.0.3"]),
        ([ABSENT, "127.0.0.1"], ["127.0.0.1"]),
    ],
)
def test_each_address_of_a_name_answers(addresses: list[str], reached: list[str], tmp_path: Path) -> None:
    """`localhost` is `::1` and 127.0.0.1 on most machines, also where one of them is switched off."""
    with exporter(tmp_path, {"both.test": addresses}, "both.test") as running:
        for address in reached:
            assert answer(address, running.port, "/stats") == 200
            assert answer(address, running.metrics_port, "/readyz") == 200


def test_the_address_of_all_of_them_is_of_ipv4_as_well(tmp_path: Path) -> None:
    """As `[::]` is in Docker, Kubernetes and most servers; the log names a client by the address that it has."""
    with exporter(tmp_path, {}, "[::]") as running:
        for address in ("127.0.0.1", "::1"):
            assert answer(address, running.metrics_port, "/readyz") == 200
            assert answer(address, running.port, "/stats", b"x") == 400
    (first, *_) = [json.loads(line) for line in running.logs().splitlines() if '"refused"' in line]
    assert first["newest_from"] == "127.0.0.1"


@pytest.mark.parametrize("flag", ["listen", "metrics_listen"])
def test_a_name_of_which_one_address_is_in_use_is_refused(flag: str, tmp_path: Path) -> None:
    """Half of the clients would reach another program."""
    made = exporter(tmp_path, {"both.test": ["127.0.0.1", "::1"]}, "both.test")
    port = made.port if flag == "listen" else made.metrics_port
    with socket.create_server(("::1", port), family=socket.AF_INET6):
        code, said = outcome(made)
    assert code == 1
    assert f"can't listen on both.test:{port}: it is in use; choose another with --{flag.replace('_', '-')}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("flag", ["listen", "metrics_listen"])
def test_a_name_of_which_no_address_is_here_is_refused(flag: str, tmp_path: Path) -> None:
    """By the flag that names it."""
    made = Exporter(tmp_path, **{flag: f"{ABSENT}:8080"})
    code, said = outcome(made)
    assert code == 1
    assert f"can't listen on {ABSENT}:8080" in said
    assert f"--{flag.replace('_', '-')} names it" in said


def test_the_system_may_choose_the_port_of_a_name(tmp_path: Path) -> None:
    """One for all of its addresses."""
    made = exporter(tmp_path, {"both.test": ["127.0.0.1", "::1"]}, "both.test")
    made.argv += ["--listen", "both.test:0"]
    with made as running:
        (listening,) = [json.loads(line) for line in running.logs().splitlines() if '"listening"' in line]
        for address in ("127.0.0.1", "::1"):
            assert answer(address, listening["port"], "/stats") == 200
