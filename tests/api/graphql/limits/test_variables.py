"""Variables as large as a body may be: an answer or an error with a code, never a fault."""

from typing import Any

import pytest

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
        ("mutation ($e: [UsageEventInput!]!) { recordUsage(events: $e) { accepted } }", {"e": [{"i": 1}] * 100_000}),
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
