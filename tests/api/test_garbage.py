"""Requests leave next to nothing to Python's search for garbage, which stops all threads while it deletes things.

What such a circle of objects refers to, such as the body of a request, stays in memory until then.
"""

import gc
from collections.abc import Callable, Iterator
from itertools import count

import httpx2
import pytest

from tests.api.server import Client, Served

CALLS = 5
DAYS = " ".join(
    f'a{day}: consumption(license: "acme", at: "2026-03-{day + 1:02}T12:00:00Z") {{ status }}' for day in range(10)
)
LARGE = " ".join(f"f{number}" for number in range(500))
_new = count()


def ask(query: str) -> Callable[[Client], httpx2.Response]:
    """A query that nobody sent before."""
    return lambda client: client.post("/graphql", json={"query": f"{query} # {next(_new)}"})


REQUESTS: dict[str, tuple[Callable[[Client], httpx2.Response], int, int]] = {
    "a new document": (ask('{ consumption(license: "acme") { sections { readings { used } } } }'), 200, 60),
    "ten past days": (ask(f"{{ {DAYS} }}"), 200, 1500),
    "a document that is not valid": (ask(f"{{ {LARGE} }}"), 200, 60),
    "a document that is too deep": (ask("{ a " * 100 + "}" * 100), 400, 60),
    "a document with a fault": (ask(f"{{ {LARGE}"), 200, 1200),  # its tokens, but neither frames nor the request
    "a page": (lambda client: client.get("/consumption"), 200, 5),
    "an unknown path": (lambda client: client.get("/nowhere"), 404, 5),
    "an export": (lambda client: client.get("/exports/usage?license=acme"), 200, 60),
    "a bad export": (lambda client: client.get("/exports/usage?license=acme&from=x"), 400, 5),
}
"""A request, its status, and the most objects that it may leave."""


@pytest.fixture
def _no_search() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_search")
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_leaves_few_objects_in_circles(reader: Client, name: str) -> None:
    send, status, most = REQUESTS[name]
    assert send(reader).status_code == status
    gc.collect()
    for _ in range(CALLS):
        send(reader)
    assert gc.collect() <= CALLS * most


@pytest.mark.usefixtures("_no_search")
def test_a_refused_event_leaves_few_objects_in_circles(library: Served) -> None:
    with library.client("usage:write") as client:
        client.post("/events", json=[{}])
        gc.collect()
        for _ in range(CALLS):
            assert client.post("/events", json=[{}] * 100).status_code == 200
        assert gc.collect() <= CALLS * 5
