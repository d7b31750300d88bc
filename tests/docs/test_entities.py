"""The page on entities: its queries are of the schema, and its commands exist."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from typer.main import get_command

from cli.main import command_line

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "entities.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = sorted(set(re.findall(r"^allowance ([a-z]+) ([a-z]+)", PAGE, re.MULTILINE)))


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_one_of_the_schema(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


@pytest.mark.parametrize(("group", "command"), COMMANDS)
def test_a_command_exists(group: str, command: str) -> None:
    found = get_command(command_line([group])).commands[group]  # type: ignore[attr-defined]
    assert command in found.commands
