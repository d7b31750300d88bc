"""The deadline of queries, and the rate limit of keys."""

from collections.abc import Iterator

import pytest
import time_machine
from sqlalchemy import text

from api.concurrency import deadline
from core.database.engine import Database
from core.settings import Settings
from tests.api.acme import bring_in
from tests.api.server import TRACE, Client, Served, serving

GRAPHQL_JSON = "application/graphql-response+json"
REFRESH = 'mutation { refreshConsumption(license: "acme") { id problem { message } } }'
READINGS = '{ consumption(license: "acme") { sections { key readings { used meter { key } } } } }'


@pytest.fixture
def impatient(database_url: str, clock: time_machine.Traveller) -> Iterator[Served]:
    """A server on which every query has run out of time when it begins."""
    with serving(Settings(database_url=database_url, graphql_max_seconds=1e-9)) as served:
        bring_in(served)
        yield served


def test_a_query_that_takes_too_long_is_cut_off_with_a_code_and_nothing_else(impatient: Served) -> None:
    with impatient.client() as client:
        for _ in range(100):  # more than there are connections
            answer = client.post("/graphql", json={"query": READINGS}, headers={"Accept": GRAPHQL_JSON})
            assert answer.status_code == 200
            assert answer.json() == {
                "data": None,
                "errors": [
                    {
                        "message": "The query took more than 1e-09 s, which is what is allowed. "
                        "Ask for less, or for shorter pages.",
                        "extensions": {"code": "TIMED_OUT", "trace": TRACE},
                    }
                ],
            }


def test_a_mutation_is_never_cut_off(impatient: Served) -> None:
    with impatient.client() as client:
        asked = client.data(REFRESH)["refreshConsumption"]
        assert asked["problem"] is None
        assert client.data(REFRESH)["refreshConsumption"]["id"] == asked["id"]


def test_the_clock_is_looked_at_for_every_object(
    reader: Client, library: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def look() -> float:
        looks.append(0)
        return float("inf") if len(looks) == stop else 0

    stop = 0
    monkeypatch.setattr(deadline, "monotonic", look)
    sections = reader.data(READINGS)["consumption"]["sections"]
    objects = 1 + 1 + sum(1 + 2 * len(section["readings"]) for section in sections)  # the query, the consumption, …
    objects += 1  # the begin
    assert len(looks) == objects
    looks.clear()
    stop = objects
    assert reader.error(f"{READINGS} # not from memory")[0] == "TIMED_OUT"
    looks.clear()
    stop = objects + 1
    assert reader.data(f"{READINGS} # again")["consumption"]["sections"] == sections


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_statement_that_postgresql_cuts_off_is_a_query_that_takes_too_long(database_url: str) -> None:
    database = Database(database_url)
    with database.engine.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f'ALTER DATABASE "{name}" SET statement_timeout = 100'))
    database.close()
    with serving(Settings(database_url=database_url)) as served, served.client() as client:
        with served.runtime.database.write() as session:
            session.execute(text("LOCK TABLE snapshot, license_overview IN ACCESS EXCLUSIVE MODE"))
            assert client.error("{ licenses { edges { cursor } } }") == (
                "TIMED_OUT",
                "The database took longer than is allowed. Ask for less, or for shorter pages.",
            )
        assert client.data("{ licenses { edges { cursor } } }") == {"licenses": {"edges": []}}


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_no_other_is(database_url: str) -> None:
    with (
        serving(Settings(database_url=database_url, graphql_operations_per_second=2)) as served,
        served.client() as often,
        served.client() as seldom,
    ):
        answers = [often.post("/graphql", json={"query": "{ viewer { name } }"}) for _ in range(20)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 10
        assert answers[0].status_code == answers[1].status_code == 200
        for answer in refused:
            assert answer.headers["retry-after"] == "1"
            assert answer.json() == {
                "errors": [
                    {
                        "message": "This key asks more often than it may. Come back in 1 s.",
                        "extensions": {"code": "RATE_LIMITED", "trace": TRACE, "retryAfter": 1},
                    }
                ]
            }
        assert seldom.data("{ viewer { name } }") == {"viewer": {"name": "a test"}}
