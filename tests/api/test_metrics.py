"""The metrics that Prometheus reads."""

from collections.abc import Iterator
from time import sleep
from typing import NoReturn

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import metrics
from api.graphql.operations import plan
from api.graphql.operations.run import Operations
from tests.api.graphql.subscriptions.sockets import FOLLOW, socket_to
from tests.api.server import Client, Served

LABELS = ("operation", "kind", "source", "code", "status", "reason")
QUERY = 'query Mine { license(key: "acme") { name } }'


@pytest.fixture
def client(served: Served, acme: None) -> Iterator[Client]:
    with served.client() as client:
        yield client


def samples(client: Client, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by its labels' values."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        tuple(sample.labels[label] for label in LABELS if label in sample.labels): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name
    }


def of_mine(client: Client) -> dict[str, float]:
    found = samples(client, "allowance_graphql_operations_total")
    return {source: value for (name, kind, source), value in found.items() if (name, kind) == ("Mine", "query")}


def test_operations_are_counted_by_name_kind_and_source(client: Client) -> None:
    for _ in range(3):
        client.data(QUERY)
    assert of_mine(client) == {"executed": 1, "memory": 2}
    sleep(1.1)  # for as long answers are trusted
    client.data(QUERY)
    assert of_mine(client) == {"executed": 1, "memory": 2, "renewed": 1}
    seconds = samples(client, "allowance_graphql_execution_seconds_count")
    assert seconds[("Mine",)] == 1


def test_operations_that_fall_back_to_graphql_core_are_counted_by_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "allowance_graphql_fallbacks_total"
    client.data(QUERY)
    assert samples(client, name) == {("unplanned",): 0, ("error",): 0, ("failed",): 0}
    client.data('{ license(key: "acme") { name @skip(if: false) } }')
    client.error('{ license(key: "nobody") { name } }')
    monkeypatch.setattr(plan, "get_variable_values", lambda *_: [])
    client.data('{ license(key: "acme") { key } }')
    assert samples(client, name) == {("unplanned",): 1, ("error",): 1, ("failed",): 1}


def test_errors_are_counted_by_code(client: Client) -> None:
    client.error('{ license(key: "nobody") { name } }')
    client.error("{ nonsense }")
    client.post("/graphql", content=b"1", headers={"Content-Type": "application/json"})
    client.post("/graphql", content=b"1", headers={"Authorization": "Bearer nobody"})
    assert samples(client, "allowance_graphql_errors_total") == {
        ("NOT_FOUND",): 1,
        ("GRAPHQL_VALIDATION_FAILED",): 1,
        ("BAD_REQUEST",): 1,
        ("UNAUTHENTICATED",): 1,
    }


def test_errors_over_sockets_and_in_streams_are_counted(
    served: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise ArithmeticError

    with socket_to(served, served.token()) as socket:
        for query in (
            "",
            "{",
            "query A { viewer { name } } query B { viewer { name } }",
            '{ license(key: "x") { id } }',
        ):
            socket.ask("1", query)
            while socket.hear()["type"] == "next":
                pass
        monkeypatch.setattr(Operations, "run", fail)
        socket.ask("1", QUERY)
        assert socket.hear()["type"] == "error"
        client.post("/graphql", json={"query": FOLLOW}, headers={"Accept": "text/event-stream"}).raise_for_status()
    assert samples(client, "allowance_graphql_errors_total") == {
        ("BAD_REQUEST",): 2,
        ("GRAPHQL_PARSE_FAILED",): 1,
        ("NOT_FOUND",): 1,
        ("INTERNAL",): 2,
    }


def test_names_that_clients_make_up_are_told_apart_up_to_a_number(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_NAMES", 2)
    for name in ("One", "Two", "Three", "Four"):
        client.data(f"query {name} {{ viewer {{ name }} }}")
    client.data("{ viewer { name } }")
    names = {name for name, *_ in samples(client, "allowance_graphql_operations_total")}
    assert names == {"One", "Two", "other", "anonymous"}


def test_a_key_brings_up_to_a_number_of_names_and_leaves_room_for_others() -> None:
    found = metrics.Metrics(None, names_per_key=2)  # type: ignore[arg-type]  # the outbox is not counted here
    shown = [found.operation(name, "query", "flooder").name for name in ("A", "B", "C", "A", "D")]
    assert shown == ["A", "B", "other", "A", "other"]
    assert [found.operation(name, "query", "other key").name for name in ("C", "A", "E")] == ["C", "A", "E"]
    assert found.operation("C", "query", "flooder").name == "C"


def test_a_name_longer_than_any_person_writes_is_other(client: Client) -> None:
    client.data(f"query {'N' * 101} {{ viewer {{ name }} }}")
    assert {name for name, *_ in samples(client, "allowance_graphql_operations_total")} >= {"other"}
    assert "N" * 101 not in client.get("/metrics").text


def test_deliveries_are_counted_by_status(client: Client) -> None:
    found = samples(client, "allowance_deliveries")
    assert set(found) == {("pending",), ("failed",), ("sent",), ("parked",), ("dropped",)}
    assert set(found.values()) == {0}


@pytest.mark.parametrize("scopes", [("consumption:read", "usage:write", "contract:write"), ()])
def test_only_an_operator_of_all_licenses_reads_them(served: Served, acme: None, scopes: tuple[str, ...]) -> None:
    license = None if scopes else "acme"
    with served.client(*scopes, license=license) as client:
        assert client.get("/metrics").status_code == 403
    assert served.anonymous().get("/metrics").status_code == 401
