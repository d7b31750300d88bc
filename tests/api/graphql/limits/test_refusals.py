"""Documents beyond a limit are refused over HTTP with its code, before execution and with little work."""

from typing import Any

import orjson
import pytest
from graphql import get_introspection_query

from api.graphql.limits.check import CheckedDocument, check_document
from api.graphql.limits.limits import limits_from
from core.settings import Settings
from tests.api.graphql.limits.bombs import BOMBS, many
from tests.api.graphql.limits.documents import SCHEMA
from tests.api.server import Client, Served, serving

pytestmark = pytest.mark.parametrize("library", ["sqlite"], indirect=True)

JSON = {"Content-Type": "application/json"}
GRAPHQL_JSON = "application/graphql-response+json"


@pytest.mark.parametrize(("query", "expected"), BOMBS.values(), ids=BOMBS)
def test_a_document_that_passes_a_limit_is_refused_with_the_limits_code(
    reader: Client, query: str, expected: str
) -> None:
    answer = reader.post("/graphql", json={"query": query}, headers={"Accept": GRAPHQL_JSON})
    assert answer.status_code == (413 if expected == "TOO_LARGE" else 400)
    body = answer.json()
    assert "data" not in body
    assert {error["extensions"]["code"] for error in body["errors"]} == {expected}
    assert len(answer.content) < 10_000


def test_no_more_errors_are_told_than_a_person_reads(reader: Client) -> None:
    (*errors, last) = reader.graphql(many("viewr{}", 400))["errors"]
    assert len(errors) == 20
    assert last["message"] == "Too many validation errors, error limit reached. Validation aborted."


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 2000 + b"]" * 2000,
        b'{"query": "{ viewer { name } }", "variables": {"a": ' + b"[" * 2000 + b"]" * 2000 + b"}}",
        b'{"query": "{ viewer { name } }", "variables": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}",
        b'[{"query": "{ viewer { name } }"}, {"query": "{ viewer { name } }"}]',
    ],
    ids=["2,000 lists", "2,000 lists in the variables", "300 lists in the variables", "two operations in a list"],
)
def test_a_body_that_is_nested_too_deeply_or_a_batch_is_no_request(reader: Client, body: bytes) -> None:
    answer = reader.post("/graphql", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


def test_a_body_of_many_megabytes_is_refused_also_where_it_came_packed(reader: Client) -> None:
    import gzip

    packed = gzip.compress(orjson.dumps({"query": " " * 10_000_000}))
    assert len(packed) < 20_000
    answer = reader.post("/graphql", content=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "TOO_LARGE")


def test_the_cost_is_told_with_every_answer_that_was_executed(reader: Client) -> None:
    query = "query ($n: Int) { licenses(first: $n) { edges { cursor } } }"
    for first, cost in ((None, 61), (1, 23), (100, 221)):
        answer = reader.graphql(query, n=first)
        assert answer["extensions"]["cost"].pop("throttleStatus").keys() == {
            "maximumAvailable",
            "currentlyAvailable",
            "restoreRate",
        }
        assert answer["extensions"] == {"cost": {"requested": cost, "limit": 100_000}}
    refused = reader.graphql(query, n=101)
    assert refused["extensions"]["cost"]["requested"] == 221
    assert refused["errors"][0]["extensions"]["code"] == "BAD_INPUT"


def test_what_costs_more_than_the_limit_is_told_both_and_is_not_executed(library: Served) -> None:
    settings = Settings(database_url=library.runtime.settings.database_url, graphql_max_cost=1000)
    query = "query ($n: Int) { licenses(first: $n) { edges { node { consumption { sections { key } } } } } }"
    with serving(settings) as other, other.client() as client:
        cost = client.graphql(query, n=10)["extensions"]["cost"]
        assert (cost["requested"], cost["limit"]) == (691, 1000)
        assert client.error(query, n=55) == (
            "TOO_COSTLY",
            "The operation costs 3706; 1000 are allowed. Ask for less, or for shorter pages.",
        )


def test_a_mutation_that_passes_a_limit_changes_nothing(reader: Client) -> None:
    put = 'a{0}: putLicense(input: {{key: "bomb-{0}", name: "X"}}) {{ errors {{ code }} }}'
    text = f"mutation {many(put, 51)}"
    assert reader.error(text)[0] == "TOO_MANY_ALIASES"
    assert reader.data('{ licenses(search: "bomb-") { edges { cursor } } }') == {"licenses": {"edges": []}}


def test_the_settings_are_what_limits(library: Served, reader: Client) -> None:
    tight = Settings(
        database_url=library.runtime.settings.database_url,
        graphql_max_body_bytes=1100,
        graphql_max_characters=1000,
        graphql_max_tokens=100,
        graphql_max_depth=5,
        graphql_max_aliases=1,
        graphql_max_directives=0,
    )
    cases = {
        " " * 1100: "TOO_LARGE",
        "{viewer{name}}" + " " * 987: "DOCUMENT_TOO_LARGE",
        f"{{ viewer {{ {'name ' * 96} }} }}": "TOO_MANY_TOKENS",
        "{ consumption { license { consumption { license { consumption { status } } } } } }": "TOO_DEEP",
        "{ a: viewer { b: name } }": "TOO_MANY_ALIASES",
        "{ viewer @skip(if: true) { name } }": "TOO_MANY_DIRECTIVES",
    }
    with serving(tight) as other, other.client() as client:
        assert client.data("{ a: viewer { name } }") == {"a": {"name": "a test"}}
        for query, code in cases.items():
            assert client.error(query)[0] == code


def test_what_is_prepared_depends_on_the_text_alone(library: Served) -> None:
    prepared = check_document(SCHEMA, get_introspection_query(), limits_from(library.runtime.settings))
    assert isinstance(prepared, CheckedDocument)
    found: list[Any] = [prepared.cost(None, variables) for variables in (None, {}, {"a": object()})]
    assert len(set(found)) == 1
