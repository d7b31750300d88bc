"""Refusing GraphQL documents that ask for too much."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import httpx2
from graphql import get_introspection_query

from core.access.keys import Scope
from tests.api.graphql.limits.bombs import BOMBS
from tests.bench import places
from tests.bench.findings import Found, Remark, Scale

_ALLOWED: Final = {"introspection, which is answered": get_introspection_query()}


def run(scale: Scale) -> Iterator[Found]:
    """The server's processor time for each refusal, where one document is sent again and again."""
    times = scale.of(10, 30, 200)
    with ExitStack() as stack:
        url = stack.enter_context(places.sqlite())
        database = stack.enter_context(places.opened(url))
        token = places.new_token(database, Scope.CONSUMPTION_READ)
        server = stack.enter_context(places.server(url))
        client = stack.enter_context(
            httpx2.Client(base_url=server.address, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        )
        client.post("/graphql", json={"query": "{ viewer { name } }"})
        documents = {name: query for name, (query, _) in BOMBS.items()} | _ALLOWED
        for name, query in documents.items():
            before = server.processor_seconds()
            codes = {_code(client.post("/graphql", json={"query": query})) for _ in range(times)}
            spent = (server.processor_seconds() - before) / times
            yield Remark(f"{spent * 1000:6.1f} ms  {len(query):10,} characters  {', '.join(codes)}: {name}")


def _code(answer: httpx2.Response) -> str:
    errors = answer.json().get("errors", [])
    return str(errors[0]["extensions"]["code"]) if errors else "answered"
