"""Any request gets an answer that the contract has, never a 500, and the accounts balance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz import strategies
from tests.fuzz.service import MAX_BODY, Service
from tests.support import fixtures
from tests.support.mutator import Mutator, seeds

BODIES = 20_000

patiently = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all of the module's tests, which end with a look at its books."""
    service = Service(tmp_path_factory.mktemp("service"))
    yield service
    service.balance()
    service.close()


METHODS = ("POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT", "BREW", "post")
PATHS = st.sampled_from(("/stats", "/", "/stats/", "//stats", "/metrics", "/stats/../metrics", "")) | st.text(
    st.characters(max_codepoint=255)
).map("/".__add__)
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            *("content-type", "content-encoding", "user-agent", "accept", "x-forwarded-for", "cookie", "expect"),
            *("host", "range", "content-length", "if-none-match", "authorization", "te"),
        )
    ),
    st.text(st.characters(max_codepoint=255)) | st.sampled_from(("gzip", "identity", "", "-1", "0", "9" * 30)),
    max_size=3,
)


@settings(patiently, max_examples=300)
@given(body=strategies.bodies)
def test_any_body_gets_an_answer_of_the_contract(service: Service, body: bytes) -> None:
    """In the form that clients understand."""
    assert service.post(body) in {200, 400, 413}


def test_a_mutated_real_body_gets_an_answer_of_the_contract(service: Service) -> None:
    """Many of them, good and bad, through the same ledger."""
    mutator = Mutator(seeds(), seed=2)

    assert {service.post(mutator.body()) for _ in range(BODIES)} <= {200, 400, 413}


@settings(patiently, max_examples=250)
@example(body=b"[]", method="POST", path="/?\x80", headers={})
@given(
    body=strategies.documents,
    method=st.just("POST") | st.sampled_from(METHODS) | st.text(st.characters(max_codepoint=255)),
    path=PATHS,
    headers=HEADERS,
)
def test_any_request_gets_an_answer_of_the_contract(
    service: Service, body: bytes, method: str, path: str, headers: dict[str, str]
) -> None:
    """Whatever its method, path and headers."""
    assert service.post(body, path, method, headers) < 500


@pytest.mark.parametrize("size", [MAX_BODY - 1, MAX_BODY, MAX_BODY + 1, 4 * MAX_BODY])
def test_a_body_of_any_size_gets_an_answer_of_the_contract(service: Service, size: int) -> None:
    """Around the limit, and far beyond it."""
    body = b'{"app_id":"com.acme.notes","action":"set"}'.ljust(size)

    assert service.post(body) == (413 if size > MAX_BODY else 200)


@pytest.mark.parametrize("fixture", fixtures.load(), ids=str)
def test_the_accounts_balance_after_every_real_body_and_its_retry(service: Service, fixture: fixtures.Fixture) -> None:
    """Seen from outside: the sum of all answers is the sum of all books."""
    for body in (*fixture.bodies, *fixture.bodies):
        service.post(body)

    service.balance()
