"""What passes a limit is refused over HTTP with its code, before it is executed; and by little work."""

from typing import Any

import orjson
import pytest
from graphql import get_introspection_query

from api.limits.allowed import allowed_by
from api.limits.prepare import Prepared, prepare
from core.settings import Settings
from tests.api.limits.documents import SCHEMA, doubling
from tests.api.server import Client, Served, serving

pytestmark = pytest.mark.parametrize("library", ["sqlite"], indirect=True)

JSON = {"Content-Type": "application/json"}
GRAPHQL_JSON = "application/graphql-response+json"


def many(part: str, count: int, inside: str = "{{ {} }}") -> str:
    return inside.format(" ".join(part.format(i) for i in range(count)))


BOMBS = {
    "doubling fragments": (doubling(30), "TOO_MANY_FIELDS"),
    "doubling fragments without fields": (doubling(200, ""), "TOO_DEEP"),
    "doubling fields in fields": (
        "{ consumption { ...F0 } } "
        + " ".join(
            f"fragment F{i} on Consumption {{ license {{ consumption {{ ...F{i + 1} }} }}"
            f" again: license {{ consumption {{ ...F{i + 1} }} }} }}"
            for i in range(8)
        )
        + " fragment F8 on Consumption { status }",
        "TOO_MANY_ALIASES",
    ),
    "1,000 aliases": (many("a{}: __typename", 1000), "TOO_MANY_ALIASES"),
    "51 aliases": (many("a{}: __typename", 51), "TOO_MANY_ALIASES"),
    "1,000 directives": (f"{{ viewer {'@skip ' * 1000} {{ name }} }}", "TOO_MANY_DIRECTIVES"),
    "1,000 directives with an argument": (f"{{ viewer {'@skip(if: true) ' * 1000} {{ name }} }}", "TOO_MANY_TOKENS"),
    "6 directives in one place": (f"{{ viewer {'@skip(if: true) ' * 6} {{ name }} }}", "TOO_MANY_DIRECTIVES"),
    "51 directives": (f"{{ viewer {{ {'name @skip(if: false) ' * 51} }} }}", "TOO_MANY_DIRECTIVES"),
    "10,000,000 characters": (" " * 10_000_000 + "{ viewer { name } }", "TOO_LARGE"),
    "100,001 characters": (" " * 99_990 + "{viewer{id}}", "DOCUMENT_TOO_LARGE"),
    "100,000 tokens": (f"{{{'a ' * 99_998}}}", "DOCUMENT_TOO_LARGE"),
    "49,000 tokens": (f"{{{'a ' * 48_998}}}", "TOO_MANY_TOKENS"),
    "49,000 comments": ("#\n" * 49_000 + "{ viewer { name } }", "TOO_MANY_TOKENS"),
    "1,000 fields in fields": (f"{'{ a ' * 1000}{'}' * 1000}", "TOO_DEEP"),
    "1,000 lists in lists": (f"{{ license(key: {'[' * 1000}{']' * 1000}) {{ key }} }}", "TOO_DEEP"),
    "1,000 objects in objects": (f"{{ license(key: {'{a: ' * 1000}1{'}' * 1000}) {{ key }} }}", "TOO_DEEP"),
    "1,000 lists of lists as a type": (f"query ($a: {'[' * 1000}{']' * 1000}) {{ viewer {{ name }} }}", "TOO_DEEP"),
    "21 fields in fields": (
        f"{{ consumption {{ {'license { consumption { ' * 10} status {'}' * 20} }} }}",
        "TOO_DEEP",
    ),
    "500 times the same": (f"{{ {'viewer { name } ' * 500} }}", "TOO_MUCH_ALIKE"),
    "110 times the same with long arguments": (
        many(f'licenses(first: 3, search: "{"x" * 700}") {{{{ edges {{{{ cursor }}}} }}}}', 110),
        "TOO_MUCH_ALIKE",
    ),
    "100 fragments of the same": (
        many("...F{}", 100) + many("fragment F{} on Query {{ viewer {{ name }} }}", 100, "{}"),
        "TOO_MUCH_ALIKE",
    ),
    "licenses of licenses": (
        "{ licenses(first: 100) { edges { node { consumption { sections { readings {"
        " history { edges { node { used } } } } } } } } } }",
        "TOO_COSTLY",
    ),
    "400 fields that are not there": (many("viewr{}", 400), "GRAPHQL_VALIDATION_FAILED"),
    "types of fields of types of fields": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "GRAPHQL_VALIDATION_FAILED",
    ),
}


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
        b'[{"query": "{ viewer { name } }"}, {"query": "{ viewer { name } }"}]',
    ],
    ids=["2,000 lists", "2,000 lists in the variables", "two operations in a list"],
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
        assert answer["extensions"] == {"cost": {"requested": cost, "limit": 100_000}}
    refused = reader.graphql(query, n=101)
    assert refused["extensions"]["cost"]["requested"] == 221
    assert refused["errors"][0]["extensions"]["code"] == "BAD_INPUT"


def test_what_costs_more_than_the_limit_is_told_both_and_is_not_executed(library: Served) -> None:
    settings = Settings(database_url=library.runtime.settings.database_url, graphql_max_cost=1000)
    query = "query ($n: Int) { licenses(first: $n) { edges { node { consumption { sections { key } } } } } }"
    with serving(settings) as other, other.client() as client:
        assert client.graphql(query, n=50)["extensions"] == {"cost": {"requested": 921, "limit": 1000}}
        assert client.error(query, n=55) == (
            "TOO_COSTLY",
            "The operation costs 1011; 1000 are allowed. Ask for less, or for shorter pages.",
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
    prepared = prepare(SCHEMA, get_introspection_query(), allowed_by(library.runtime.settings))
    assert isinstance(prepared, Prepared)
    found: list[Any] = [prepared.cost(None, variables) for variables in (None, {}, {"a": object()})]
    assert len(set(found)) == 1
