"""Variables as large as a body may be: an answer or an error with a code, never a fault."""

from typing import Any

import pytest
from graphql.pyutils import suggestion_list

from api.graphql.limits.values import COERCION_ERRORS
from tests.api.server import Client
from tests.forms import long

LICENSES = "query ($s: [UsageStatus!], $t: String) { licenses(status: $s, search: $t) { edges { node { key } } } }"
SECTIONS = """query ($s: [UsageStatus!], $k: [String!]) {
  consumption(license: "acme") { sections(status: $s, keys: $k) { key } }
}"""
CONTRACT = """mutation ($terms: [TermInput!]!) {
  putContract(input: {license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", terms: $terms}) {
    errors { code path }
  }
}"""


@pytest.mark.long
def test_a_status_that_is_asked_for_a_hundred_thousand_times_is_asked_for_once(reader: Client) -> None:
    every = reader.data(LICENSES)["licenses"]
    assert reader.data(LICENSES, s=["AT_RISK", "UNKNOWN", "OK", "EXCEEDED"] * 30_000)["licenses"] == every
    assert reader.data(SECTIONS, s=["EXCEEDED"] * 100_000) == reader.data(SECTIONS, s=["EXCEEDED"])
    assert reader.data(SECTIONS, k=["channels"] * 100_000) == reader.data(SECTIONS, k=["channels"])


@pytest.mark.parametrize("wrong", [["OKK"] * 100_000, [f"w{number}" for number in range(100_000)]])
def test_a_hundred_thousand_wrong_values_cost_as_much_as_ten(
    reader: Client, wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = 0

    def search(*arguments: Any) -> list[str]:
        nonlocal searched
        searched += 1
        return suggestion_list(*arguments)

    monkeypatch.setattr("graphql.type.definition.suggestion_list", search)
    errors = reader.graphql(LICENSES, s=wrong)["errors"]
    assert {error["extensions"]["code"] for error in errors} == {"BAD_INPUT"}
    assert len(errors) == COERCION_ERRORS + 1
    assert errors[-1]["message"] == "Too many errors processing variables, error limit reached. Execution aborted."
    assert 0 < searched <= 2 * COERCION_ERRORS


@pytest.mark.parametrize(
    "variables", [{"s": [1] * 200_001}, {str(number): 1 for number in range(200_001)}, {"x": [[[]] * 100_000] * 2}]
)
def test_more_values_than_a_request_may_hold_are_refused_before_they_are_checked(
    reader: Client, variables: dict[str, Any]
) -> None:
    message = "The variables hold more than 200000 values. Send them in parts."
    assert reader.error(LICENSES, **variables) == ("TOO_MANY_VALUES", message)


@pytest.mark.parametrize("text", ["x" * 201, "%_" * 1_000_000])
def test_a_text_longer_than_any_name_finds_nothing(reader: Client, text: str) -> None:
    assert reader.data(LICENSES, t=text) == {"licenses": {"edges": []}}


@pytest.mark.long
def test_the_first_hundred_things_that_are_wrong_in_an_input_are_told(reader: Client) -> None:
    terms = [{"key": f"nope_{number}", "value": 1} for number in range(60_000)]
    errors = reader.data(CONTRACT, terms=terms)["putContract"]["errors"]
    assert errors == [{"code": "UNKNOWN_TERM", "path": ["terms", str(number), "key"]} for number in range(100)]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($s: ID!) { node(id: $s) { id } }", {"s": "A" * 2_000_000}),
        ("query ($s: String!) { license(key: $s) { id } }", {"s": "A" * 2_000_000}),
        ("query ($s: String) { licenses(after: $s) { edges { cursor } } }", {"s": "A" * 2_000_000}),
        long(LICENSES, {"s": ["RED"] * 100_000}),
        (SECTIONS, {"k": ["x" * 1_000_000]}),
        ("mutation ($e: [UsageEventInput!]!) { recordUsage(events: $e) { accepted } }", {"e": [{"i": 1}] * 90_000}),
        ("mutation ($k: [String!]) { refreshConsumption(sections: $k) { id } }", {"k": ["x"] * 100_000}),
    ],
)
def test_a_variable_that_is_too_large_is_refused_with_a_short_answer(
    reader: Client, query: str, variables: dict[str, Any]
) -> None:
    answer = reader.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert codes <= {"BAD_INPUT", "BAD_CURSOR", "NOT_FOUND"}
    assert len(answer.content) < 20_000
