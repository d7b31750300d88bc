"""The pages on corrections and on entities: their queries are of the schema, and their commands exist."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from typer.main import get_command

from cli.main import command_line

ROOT = Path(__file__).parents[2]
PAGES = [(ROOT / "docs" / name).read_text() for name in ("corrections.md", "entities.md")]
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = [query for page in PAGES for query in re.findall(r"^```graphql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
COMMANDS = sorted(
    {found for page in PAGES for found in re.findall(r"^allowance ([a-z]+) ([a-z]+)", page, re.MULTILINE)}
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_one_of_the_schema(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


@pytest.mark.parametrize(("group", "command"), COMMANDS)
def test_a_command_exists(group: str, command: str) -> None:
    found = get_command(command_line([group])).commands[group]  # type: ignore[attr-defined]
    assert command in found.commands
