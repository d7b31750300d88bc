"""The page on security names settings, codes and figures as they are."""

import re
from pathlib import Path

from api.graphql.limits.check import CheckedDocument, check_document
from api.graphql.limits.limits import DIRECTIVES_IN_ONE_PLACE, NESTING, OPERATIONS, limits_from
from api.graphql.limits.validate import COMPARISONS, ERRORS
from api.graphql.schema.build import schema
from core.settings import PREFIX, Settings
from tests.docs.test_front_ends import PAGE as FRONT_ENDS
from tests.docs.test_front_ends import QUERIES, table

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_setting_that_it_names_exists_and_every_setting_of_graphql_is_named() -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE))
    assert named <= SETTINGS
    assert {name for name in SETTINGS if "GRAPHQL" in name} <= named


def test_every_code_that_it_names_is_explained_to_front_ends() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE)) - SETTINGS
    assert len(named) > 10
    assert named <= set(table("code")) | set(table("code of an input error"))


def test_its_figures_are_those_of_the_code() -> None:
    assert f"directives, with fragments expanded; {DIRECTIVES_IN_ONE_PLACE} in one place" in PAGE
    assert f"{COMPARISONS:,} steps" in PAGE
    assert f"errors that are reported: {ERRORS}" in PAGE
    assert f"at most {NESTING} to 200" in PAGE
    assert f"operations in a document, of which one is executed: {OPERATIONS} " in PAGE


def test_the_overview_costs_what_the_front_ends_page_shows() -> None:
    limits = limits_from(Settings())
    [overview] = [query for query in QUERIES if query.startswith("query MyConsumption")]
    prepared = check_document(schema._schema, overview, limits)
    assert isinstance(prepared, CheckedDocument)
    cost = prepared.cost(None, None)
    assert f'"extensions": {{"cost": {{"requested": {cost}, "limit": {limits.cost}}}}}' in FRONT_ENDS


def test_each_attack_names_a_test_that_exists() -> None:
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)`", PAGE))
    assert len(named) > 10
    root = Path(__file__).parents[2]
    assert [name for name in sorted(named) if not (root / name).is_file()] == []
