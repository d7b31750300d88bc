"""A refresh that is asked for over GraphQL, done by a real worker beside the server."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.settings import Settings
from tests.api.server import Served, cloudevent, serving


@pytest.fixture
def served(database_url: str) -> Iterator[Served]:
    # The worker looks by itself so rarely that it has to be told.
    with serving(Settings(database_url=database_url, sweep_seconds=60), worker=True) as served:
        yield served


def test_a_worker_that_is_told_refreshes_at_once_and_the_next_read_shows_it(served: Served) -> None:
    began = datetime.now(UTC)
    with served.client() as client:
        client.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
        assert client.post_events(cloudevent("users.level", "acme", "1", value=7)).json()["accepted"] == 1
        request = client.data('mutation { refreshConsumption(license: "acme") { id } }')["refreshConsumption"]
        query = "query ($id: ID!) { node(id: $id) { ... on RefreshRequest { status finishedAt problem { code } } } }"
        until = time.monotonic() + 20
        while (found := client.data(query, id=request["id"])["node"])["status"] in ("QUEUED", "RUNNING"):
            assert time.monotonic() < until, found
            time.sleep(0.02)
        assert (found["status"], found["problem"]) == ("DONE", None)
        assert began <= datetime.fromisoformat(found["finishedAt"]) <= began + timedelta(seconds=20)
        users = """{ consumption(license: "acme") { section(key: "license") { readings { meter { key } used } } } }"""
        readings = client.data(users)["consumption"]["section"]["readings"]
        assert readings[0] == {"meter": {"key": "users"}, "used": 7}
