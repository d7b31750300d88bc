"""The committed SDL: it is what is served, and all of it is described."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    DangerousChangeType,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    get_introspection_query,
    lexicographic_sort_schema,
    print_schema,
)

from tests.api.server import Client

ROOT = Path(__file__).parents[4]
SDL = ROOT / "api" / "schema.graphql"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(SDL.read_text())


def test_the_committed_sdl_is_what_the_schema_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "api.graphql.schema"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert SDL.read_text() == printed.stdout, "write it anew: python -m api.graphql.schema > api/schema.graphql"


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_introspection_returns_the_committed_schema(reader: Client, schema: GraphQLSchema) -> None:
    told = build_client_schema(reader.data(get_introspection_query(specified_by_url=True)))  # type: ignore[arg-type]
    assert print_schema(lexicographic_sort_schema(told)) == print_schema(lexicographic_sort_schema(schema))


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything that can have a description, by its path, with its description."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        yield name, kind.description
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for key, field in kind.fields.items():
                yield f"{name}.{key}", field.description
                for argument, about in field.args.items():
                    yield f"{name}.{key}({argument})", about.description
        elif isinstance(kind, GraphQLInputObjectType):
            for key, input_field in kind.fields.items():
                yield f"{name}.{key}", input_field.description
        elif isinstance(kind, GraphQLEnumType):
            for key, value in kind.values.items():
                yield f"{name}.{key}", value.description


def test_every_type_field_argument_and_value_has_a_description(schema: GraphQLSchema) -> None:
    descriptions = dict(described(schema))
    assert len(descriptions) > 200
    assert [path for path, description in descriptions.items() if not description] == []
    bare = [path for path, description in descriptions.items() if "." in path and not (description or "").endswith(".")]
    assert bare == []


def test_the_contract_with_front_ends_is_still_fulfilled(schema: GraphQLSchema) -> None:
    promised = build_schema(Path(__file__).with_name("contract.graphql").read_text())
    gone = [change.description for change in find_breaking_changes(promised, schema)]
    gone += [
        change.description
        for change in find_dangerous_changes(promised, schema)
        if change.type is DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE
    ]
    assert gone == []
