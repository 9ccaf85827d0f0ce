"""HAProxy by the shipped configuration: the same bytes meet the same exporter, and are answered as by the exporter."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import fixtures, mutator
from tests.support.balancer import HAProxy, certificate
from tests.support.bodies import Event, event, events
from tests.support.clock import nap
from tests.support.contract import OK, assert_refused
from tests.support.harness import LOCALHOST, Exporter, Reply, request, wait_until
from tests.support.proxy import Faults, Proxy

NETWORKS = ["127.1.2.3", "127.200.0.1", "::1", None]
"""Where a phone may be when it tries again."""
MiB = 2**20
MUTANTS = 120


class Stand(NamedTuple):
    """Three exporters behind HAProxy."""

    exporters: Sequence[Exporter]
    haproxy: HAProxy

    def post(self, body: bytes, source: str | None = None) -> Reply:
        return request(self.haproxy.port, "POST", "/stats", body, source=source)

    def taken(self) -> Counter[str]:
        """Posts that each exporter was sent, by its name."""
        sessions = self.haproxy.scrape().series("haproxy_server_sessions_total")
        return Counter({dict(labels)["server"]: int(value) for labels, value in sessions.items()})

    def total(self, name: str) -> int:
        """Of one of the exporters' own counters."""
        return sum(int(exporter.scrape().value(f"capgo_exporter_events_{name}_total")) for exporter in self.exporters)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("balancer")
    with ExitStack() as stack:
        exporters = [
            stack.enter_context(Exporter(directory / str(number), trusted_proxy=LOCALHOST)) for number in range(3)
        ]
        haproxy = stack.enter_context(HAProxy(directory / "haproxy", exporters, certificate(directory / "tls")))
        yield Stand(exporters, haproxy)


def device(number: int) -> str:
    return f"6B1F0C5E-4f6e-4b47-9a52-{number:012d}"


def owners(stand: Stand, tries: Sequence[Callable[[], object]]) -> set[str]:
    """The exporters that were sent any of them."""
    before = stand.taken()
    for each in tries:
        each()
    return {name for name, number in (stand.taken() - before).items() if number}


def by_every_way(stand: Stand, body: bytes) -> list[Callable[[], object]]:
    """The same body from every network, in one piece and in chunks."""
    whole = [lambda source=source: stand.post(body, source) for source in NETWORKS]
    return [*whole, lambda: in_chunks(stand.haproxy.port, body, "127.9.9.9")]


def in_chunks(port: int, body: bytes, source: str) -> Reply:
    """Post with `Transfer-Encoding: chunked`, in five pieces of odd sizes."""
    size = max(1, len(body) // 5 + 1)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    connection = http.client.HTTPConnection(LOCALHOST, port, timeout=60, source_address=(source, 0))
    try:
        connection.request(
            "POST", "/stats", iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def test_every_retry_from_another_address_is_recognised(stand: Stand) -> None:
    """Each post's first reply is lost; the second comes from another network, IPv6 too. Each event counts once."""
    posts = [events(1 + number % 4, device_id=device(number), metadata={"n": str(number)}) for number in range(80)]
    sent = sum(map(len, posts))
    counted, duplicate, before = stand.total("counted"), stand.total("duplicate"), stand.taken()
    with Proxy(stand.haproxy.port, Faults(lose_reply=1.0)) as proxy:
        for number, post in enumerate(posts):
            with pytest.raises(http.client.RemoteDisconnected):
                request(proxy.port, "POST", "/stats", body_of(post, number))
    assert stand.total("counted") - counted == sent
    for number, (post, network) in enumerate(zip(posts, itertools.cycle(NETWORKS), strict=False)):
        assert stand.post(body_of(post, number), network).status == 200

    assert stand.total("counted") - counted == sent
    assert stand.total("duplicate") - duplicate == sent
    assert len(stand.taken() - before) == 3, "one exporter alone proves nothing"


def body_of(post: Sequence[Event], number: int) -> bytes:
    """An array; of single events every other one as an object."""
    return json.dumps(post[0] if len(post) == 1 and number % 2 else post).encode()


def test_a_phone_stays_where_it_is_whatever_form_its_posts_have(stand: Stand) -> None:
    """iOS wrote device ids in capitals until a plugin's upgrade; a retry comes merged with a hundred newer events."""
    for number in range(20):
        one = event(device_id=device(number))
        lower = one | {"device_id": device(number).lower()}
        merged = [one, *events(199, device_id=device(number))]
        forms = [one, [one], lower, {"metadata": {"a": "b"}} | one, merged]
        tries = [lambda form=form: stand.post(json.dumps(form).encode()) for form in forms]
        assert len(owners(stand, tries)) == 1


def split(key: str) -> bytes:
    """An event with a key twice, of which one reader may take the first and another one the last."""
    text = json.dumps(event(device_id=device(1)))
    return f'{{"{key}":"{device(2)}",{text[1:-1]},"{key}":"{device(3)}"}}'.encode()


def large(size: int, **fields: object) -> bytes:
    """A body of just that size."""
    text = json.dumps(event(metadata={"padding": ""}, **fields)).encode()
    return text.replace(b'"padding": ""', b'"padding": "%b"' % (b"x" * (size - len(text))))


SPLITTERS = {
    "two device ids": (split("device_id"), 200),
    "two device ids in an array": (b"[%b]" % split("device_id"), 200),
    "no device id": (json.dumps(event(device_id=None)).encode(), 200),
    "an empty one": (json.dumps(event(device_id="")).encode(), 200),
    "one of a wrong type": (json.dumps(event(device_id=7)).encode(), 200),
    "a nested one": (json.dumps(event(device_id={"device_id": device(4)})).encode(), 200),
    "another one in metadata, first": (
        json.dumps({"metadata": {"device_id": device(5)}} | event(device_id=device(6))).encode(),
        200,
    ),
    "one written in escapes": (json.dumps(event()).replace("4f6c", "\\u0034f6c").encode(), 200),
    "one of 20 kB": (json.dumps(event(device_id="d" * 20_000)).encode(), 200),
    "first element no object": (json.dumps([1, event()]).encode(), 200),
    "first element an array": (json.dumps([[event()], event()]).encode(), 200),
    "empty array": (b"[]", 200),
    "nothing": (b"", 400),
    "no JSON": (b"\xff\xfe\x00{device_id", 400),
    "half of an event": (json.dumps(event()).encode()[:-7], 400),
    "brackets": (b"[" * 30_000, 400),
    "nesting": (b'{"device_id":' * 5_000 + b"1" + b"}" * 5_000, 400),
    "200 events": (json.dumps(events(200)).encode(), 200),
    "device id behind 15 kB": (large(15_000)[:-1] + b',"device_id":"behind"}', 200),
    "device id behind 17 kB": (b'{"metadata":{"a":"%b"},' % (b"a" * 17_000) + json.dumps(event()).encode()[1:], 200),
    "4 MiB": (large(4 * MiB), 200),
    "4 MiB and a byte": (large(4 * MiB + 1), 413),
    "4 MiB of spaces": (b" " * 4 * MiB, 400),
}


@pytest.mark.parametrize("name", SPLITTERS)
def test_a_body_that_tries_to_split_is_answered_as_ever_and_meets_one_exporter(stand: Stand, name: str) -> None:
    """By the contract's table, from whatever address and however it is cut on its way."""
    body, status = SPLITTERS[name]
    replies: list[Reply] = []
    tries = [lambda each=each: replies.append(each()) for each in by_every_way(stand, body)]

    assert len(owners(stand, tries)) == 1
    assert {reply.status for reply in replies} == {status}
    if status != 200:
        assert_refused(replies[0], status)


def test_hostile_bytes_meet_one_exporter_as_well(stand: Stand) -> None:
    """Real bodies, mutated; HAProxy's reading of them need not be ours, but is always the same."""
    hostile = mutator.Mutator(mutator.seeds(), seed=17)
    bodies = [body for fixture in fixtures.load()[:12] for body in fixture.bodies]
    for body in [*bodies, *(hostile.body() for _ in range(MUTANTS))]:
        tries = [lambda source=source: stand.post(body, source) for source in NETWORKS[:3]]  # noqa: B023
        assert len(owners(stand, tries)) == 1, body


def test_devices_are_spread_evenly(stand: Stand) -> None:
    """Each of three exporters has between a quarter and a half of them."""
    before = stand.taken()
    for number in range(300):
        stand.post(json.dumps(event(device_id=device(1000 + number * 7919))).encode())
    shares = [number / 300 for number in (stand.taken() - before).values()]
    assert len(shares) == 3
    assert 0.25 < min(shares) <= max(shares) < 0.45


def test_two_haproxies_agree_without_knowing_of_each_other(stand: Stand, tmp_path: Path) -> None:
    """A retry by the other one is recognised: the hash goes by the exporters' numbers alone."""
    posts = [json.dumps(event(device_id=device(5000 + number))).encode() for number in range(60)]
    with HAProxy(tmp_path / "other", stand.exporters) as other:
        for body in posts:
            stand.post(body)
        counted = stand.total("counted")
        for body in posts:
            assert request(other.port, "POST", "/stats", body).status == 200
        assert stand.total("counted") == counted


def test_a_post_may_come_slowly(stand: Stand) -> None:
    """In pieces, with pauses: a bad network is no attack."""
    body = json.dumps(event()).encode()
    head = b"POST /stats HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with socket.create_connection((LOCALHOST, stand.haproxy.port)) as phone:
        for start in range(0, len(head + body), 100):
            phone.sendall((head + body)[start : start + 100])
            nap(0.1)
        assert b"".join(iter(lambda: phone.recv(4096), b"")).endswith(OK)


def test_a_log_of_refusals_names_the_phone_and_not_the_balancer(stand: Stand) -> None:
    """By `X-Forwarded-For`, and what a phone itself writes there is not believed."""
    refused = stand.post(b"{", source="127.77.7.7")
    assert_refused(refused, 400, "invalid_json_parse_body")
    lying = request(
        stand.haproxy.port, "GET", "/elsewhere", None, {"X-Forwarded-For": "10.66.66.66"}, source="127.88.8.8"
    )
    assert lying.status == 404

    def said() -> str:
        return "".join(exporter.logs() for exporter in stand.exporters)

    wait_until(lambda: "127.88.8.8" in said(), "the refusal is logged")
    assert "10.66.66.66" not in said()


def test_nothing_private_is_served_to_the_world(stand: Stand) -> None:
    """Neither the exporters' numbers nor HAProxy's own."""
    for path in ("/metrics", "/readyz", "/healthz", "/backup", "/haproxy?stats"):
        assert request(stand.haproxy.port, "GET", path).status == 404, path


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_phones_come_by_tls(stand: Stand, version: str) -> None:
    """With HTTP/1.1 and HTTP/2, by the certificate in the directory."""
    pem = next((stand.haproxy.directory.parent / "tls").glob("*.pem"))
    url = f"https://localhost:{stand.haproxy.tls_port}/stats"
    words = ["curl", "-sS", version, "--cacert", str(pem), "-w", " %{http_version}", "--json", json.dumps(event()), url]
    done = subprocess.run(words, capture_output=True, check=True)
    assert done.stdout == OK + {"--http1.1": b" 1.1", "--http2": b" 2"}[version]


def test_a_name_without_a_certificate_is_refused(stand: Stand) -> None:
    """There is no certificate that stands for any name."""
    url = f"https://{LOCALHOST}:{stand.haproxy.tls_port}/stats"
    assert subprocess.run(["curl", "-sSk", url], capture_output=True, check=False).returncode == 35


HEAD = b"POST /stats HTTP/1.1\r\nHost: x\r\n"


def test_its_own_errors_have_the_one_form(tmp_path: Path) -> None:
    """No exporter, a body that never ends: as the exporter would say it. What is no HTTP gets HAProxy's own page."""
    soon = {"wait-for-body time 40s": "wait-for-body time 100ms"}
    with HAProxy(tmp_path / "haproxy", [Exporter(tmp_path / "away")], changes=soon) as alone:
        wait_until(lambda: not alone.up(), "it knows that there is nobody")
        assert_refused(request(alone.port, "POST", "/stats", b"{}"), 503, "no_exporter")
        assert_refused(alone.private("/readyz"), 503, "no_exporter")
        assert_refused(alone.private("/elsewhere"), 404, "not_found")
        assert alone.private("/healthz").status == 200
        assert_refused(raw(alone.port, HEAD + b"Content-Length: 10\r\n\r\n{"), 408, "request_timeout")
        for malformed in (b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", b"Content-Length: ten\r\n\r\n"):
            assert raw(alone.port, HEAD + malformed).status == 400


def raw(port: int, sent: bytes) -> Reply:
    """The reply to these very bytes."""
    with socket.create_connection((LOCALHOST, port)) as phone:
        phone.sendall(sent)
        response = http.client.HTTPResponse(phone)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())
