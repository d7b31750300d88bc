"""Bodies of GraphQL requests are bounded together, and while they are executed."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from api.concurrency.body_budget import BodyBudget
from api.graphql import endpoint
from api.graphql.endpoint import GraphQLEndpoint
from core.settings import Settings
from tests.api.graphql.subscriptions.sockets import FOLLOW
from tests.api.http.raw import connected, head
from tests.api.server import Client, Served, serving
from tests.e2e.processes import PATIENCE, eventually

MOST = 131_072
QUERY = "{ viewer { name } }"


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[BodyBudget]:
    """The budgets of the server's endpoint: one, once it is served."""
    made: list[BodyBudget] = []

    def make(most: int) -> BodyBudget:
        made.append(BodyBudget(most))
        return made[-1]

    monkeypatch.setattr(endpoint, "BodyBudget", make)
    return made


@pytest.fixture
def served(tmp_path: Path, budgets: list[BodyBudget]) -> Iterator[Served]:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'test.db'}", graphql_max_body_bytes=MOST)
    with serving(settings) as served:
        yield served


def padded(query: str, size: int) -> bytes:
    """A request with so many bytes."""
    empty = json.dumps({"query": query, "extensions": {"padding": ""}}).encode()
    return empty[:-3] + b"a" * (size - len(empty)) + empty[-3:]


def status(client: Client, size: int) -> int:
    return client.post(
        "/graphql", content=padded(QUERY, size), headers={"Content-Type": "application/json"}
    ).status_code


def test_bodies_share_a_budget_and_small_ones_need_none(served: Served, budgets: list[BodyBudget]) -> None:
    (budget,) = budgets
    token = served.token()
    authorization = b"authorization: Bearer " + token.encode()
    request = head(
        authorization, b"content-type: application/json", b"content-length: %d" % MOST, method=b"POST", path=b"/graphql"
    )
    with Client(served.url, token) as client:
        assert status(client, MOST) == 200
        with ExitStack() as stack:
            for _ in range(4):
                connection = stack.enter_context(connected(served.url))
                connection.sendall(request + b" " * (MOST - 10))
            eventually(lambda: budget._bytes._total == 4 * (MOST - 10))
            assert status(client, 16_385) == 503
            refused = client.post("/graphql", content=padded(QUERY, MOST), headers={"Content-Type": "application/json"})
            (error,) = refused.json()["errors"]
            assert error["extensions"]["code"] == "OVERLOADED"
            assert int(refused.headers["Retry-After"]) > 0
            assert status(client, 16_384) == 200
            with served.client() as other:
                assert other.data(QUERY) == {"viewer": {"name": "a test"}}
                assert status(other, MOST) == 200  # another key has room of its own
        eventually(lambda: status(client, MOST) == 200)


def test_a_body_counts_until_its_operation_is_executed(
    served: Served, budgets: list[BodyBudget], monkeypatch: pytest.MonkeyPatch
) -> None:
    (budget,) = budgets
    begun, may_end = Event(), Event()
    encode = GraphQLEndpoint._encode

    def wait(self: GraphQLEndpoint, *rest: Any) -> Any:
        begun.set()
        assert may_end.wait(PATIENCE)
        return encode(self, *rest)

    with served.client() as client, ThreadPoolExecutor() as threads:
        monkeypatch.setattr(GraphQLEndpoint, "_encode", wait)
        first = [threads.submit(status, client, MOST - number) for number in range(4)]
        assert begun.wait(PATIENCE)
        eventually(lambda: budget._bytes._total == 4 * MOST - 6)
        assert status(client, MOST - 4) == 503
        may_end.set()
        assert [one.result(PATIENCE) for one in first] == [200] * 4
        assert status(client, MOST - 4) == 200


def test_a_subscription_is_as_small_as_over_web_socket(served: Served) -> None:
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    with served.client() as client:
        client.data('mutation { putLicense(input: {key: "acme", name: "A"}) { errors { code } } }')
        refused = client.post("/graphql", content=padded(FOLLOW, 65_537), headers=headers)
        assert refused.status_code == 413
        (error,) = refused.json()["errors"]
        assert error["extensions"]["code"] == "TOO_LARGE"
        assert error["message"] == "A subscription has 65536 bytes at most, as over WebSocket."
        with client.stream("POST", "/graphql", content=padded(FOLLOW, 65_536), headers=headers) as stream:
            assert stream.status_code == 200
