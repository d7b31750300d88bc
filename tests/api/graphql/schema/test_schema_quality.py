"""The schema, looked at by public tools: graphql-eslint and graphql-inspector."""

import json
from pathlib import Path

import pytest

from api.graphql.schema.build import schema
from tests.api import node

PUBLISHED = Path(__file__).with_name("published.graphql")
"""The schema that front ends build on. With a release, it becomes the one of that release."""
BEFORE = "type Query { basis: String limitBasis: String }"
AFTER = "type Query { limitBasis: String }"
DEPRECATED = 'type Query {{ basis: String @deprecated(reason: "{}") limitBasis: String }}'


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    node.install()


def changes(old: str, new: str) -> list[str]:
    return node.run("changes.mjs", stdin=json.dumps({"old": old, "new": new})).splitlines()


def test_the_schema_follows_the_recommended_rules_and_describes_all_that_it_has() -> None:
    assert node.run("lint.mjs", stdin=schema.as_str()) == ""


@pytest.mark.long
def test_a_missing_description_is_reported() -> None:
    bare = "type Query { field: Int }"
    assert "require-description" in node.run("lint.mjs", stdin=bare)


@pytest.mark.long
def test_a_deprecated_field_names_the_date_of_its_removal_which_has_not_passed() -> None:
    undated = DEPRECATED.format("Use `limitBasis`.")
    assert "must have a deletion date" in node.run("lint.mjs", stdin=undated)
    passed = DEPRECATED.format("Use `limitBasis`. This field may be removed from 2020-01-01.")
    assert "be removed" in node.run("lint.mjs", stdin=passed)


def test_no_change_breaks_front_ends() -> None:
    assert changes(PUBLISHED.read_text(), schema.as_str()) == []


@pytest.mark.long
def test_a_field_may_go_only_after_it_was_deprecated() -> None:
    assert changes(BEFORE, AFTER) == ["Field 'basis' was removed from object type 'Query'"]
    deprecated = BEFORE.replace("basis: String", 'basis: String @deprecated(reason: "Ask for `limitBasis`.")')
    assert changes(deprecated, AFTER) == []
