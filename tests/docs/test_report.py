"""The page about contract reports: its queries and commands run."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.docs.conftest import Demo

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "report.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", QUERIES, ids=[query.split("{")[0].strip() for query in QUERIES])
def test_a_query_runs_on_the_demonstration(demo: Demo, query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []
    with demo.client("acme") as client:
        reports = client.data(query)["license"].values()
    for report in reports:
        assert len(report["meters"]) > 10
