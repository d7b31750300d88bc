"""The page about exploring usage: its queries run, with the figures of the readings."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from core.explaining.parts import PartReason
from tests.docs.conftest import Demo

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explore.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", QUERIES[:2], ids=[query.split("{")[0].strip() for query in QUERIES[:2]])
def test_usage_is_explored_on_the_demonstration(demo: Demo, query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []
    with demo.client("acme") as client:
        found = client.data(query)["usage"]
    assert found["total"] > 0
    assert sum(series["total"] for series in found["series"]) + found.get("rest", 0) == found["total"]


def test_a_number_is_explained_on_the_demonstration(demo: Demo) -> None:
    [query] = QUERIES[2:]
    assert validate(SCHEMA, parse(query)) == []
    with demo.client("acme") as client:
        [reading] = client.data(query)["consumption"]["section"]["readings"]
    explanation = reading["explanation"]
    assert len(explanation["parts"]) >= 6
    assert sum(part["amount"] for part in explanation["parts"]) == reading["used"]
    assert all(part["lastEvent"] for part in explanation["parts"] if part["reason"] == "USAGE")


def test_the_table_names_every_reason() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert rows == [reason.value for reason in PartReason]
