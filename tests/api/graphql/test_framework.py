"""The private parts of Strawberry and graphql-core: one test for each, which fails when an update changes it."""

import ast
import re
from datetime import date
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    Source,
    execute_sync,
    get_named_type,
    parse,
    specified_rules,
    validate,
)

import api
from api.graphql import framework
from api.graphql.limits.validate import COMPARISONS
from api.graphql.schema.build import schema

API = Path(api.__file__).parent
PUBLIC = {"strawberry", "strawberry.scalars", "strawberry.schema.config", "strawberry.types.scalar", "graphql"}
"""Modules that the documentation of Strawberry and graphql-core names."""


@strawberry.enum(description="A colour.")
class Colour(Enum):
    RED = "red"


@strawberry.input
class Filter:
    since: date
    name: strawberry.Maybe[str]


@strawberry.input(one_of=True)
class Choice:
    first: strawberry.Maybe[int]
    second: strawberry.Maybe[int]


@strawberry.type
class Query:
    plain: int = 1

    @strawberry.field
    def days(self, info: strawberry.Info, a_filter: Filter) -> str:
        return f"{a_filter.since:%d}.{a_filter.since:%m} {info.context}"

    @strawberry.field
    def chosen(self, choice: Choice) -> int:
        return 1

    @strawberry.field
    def colour(self) -> Colour:
        return Colour.RED


SMALL = strawberry.Schema(Query)


def field(name: str) -> GraphQLField:
    query = framework.core_schema(SMALL).query_type
    assert query
    return query.fields[name]


VALIDATED = [
    "{ plain }",
    "{ plain nothing(a: 1) { b } }",
    "query A { plain } query A { ...f } fragment f on Query { ...g } fragment g on Query { ...f plain }",
    "{ " + " ".join(f"x{number}" for number in range(50)) + " }",
    "{ a: plain a: days }",
    "{ chosen(choice: {first: 1, second: 2}) colour @include(if: 1) }",
    "fragment f on Nothing { x }",
    "{ ...f0 } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(700))
    + " fragment f700 on Query { plain }",
]


@pytest.mark.parametrize(
    "text",
    [*VALIDATED, "{ a", "", "# only\n# comments", "{" * 5000, "query " + "{ a " * 900, '{ a(b: "\\u") }', "{ a }" * 9],
)
def test_parsing_finds_what_graphql_core_finds(text: str) -> None:
    found: list[object] = []
    for read in (
        lambda: framework.parse(text, 500),
        lambda: parse(Source(text), max_lexical_tokens=500, max_comments=500),
    ):
        try:
            found.append(read())
        except GraphQLSyntaxError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize("text", VALIDATED)
def test_validation_finds_what_graphql_core_finds(text: str, hides: bool) -> None:
    rules = (*specified_rules, *framework.VALIDATION_RULES)
    document, small = parse(text), framework.core_schema(SMALL)
    expected = validate(small, document, rules, 20, hides)
    found = framework.validate(small, document, rules, max_errors=20, hide_suggestions=hides)
    assert list(map(str, found)) == list(map(str, expected))
    assert [type(error) for error in found] == [type(error) for error in expected]


def test_no_other_module_imports_private_parts_of_strawberry_or_graphql_core() -> None:
    imports = [
        (path.relative_to(API).as_posix(), name)
        for path in API.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.partition(".")[0] in ("strawberry", "graphql") and name not in PUBLIC
    ]
    assert {path for path, _ in imports} == {"graphql/framework.py"}


def test_no_other_module_reads_private_attributes_of_strawberry() -> None:
    private = re.compile(r"__strawberry|_raw_info\b|\bschema\._|schema_converter")
    users = [
        path.relative_to(API).as_posix()
        for path in API.rglob("*.py")
        if private.search(_without_text(path.read_text()))
    ]
    assert users == ["graphql/framework.py"]


def _without_text(source: str) -> str:
    return re.sub(r'""".*?"""', "", source, flags=re.DOTALL)


def test_the_schema_of_graphql_core_is_the_one_that_strawberry_made() -> None:
    core = framework.core_schema(SMALL)
    assert isinstance(core, GraphQLSchema)
    assert execute_sync(core, parse("{ plain }"), Query()).data == {"plain": 1}


def test_every_field_of_the_schema_knows_its_strawberry_field() -> None:
    for type_ in schema.graphql.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for name, definition in type_.fields.items():
                found = framework.field_of(definition)
                assert found, f"{type_.name}.{name}"
                assert found.base_resolver is None or found.base_resolver.wrapped_func
                assert get_named_type(definition.type)
                assert definition.resolve
    assert framework.field_of(GraphQLField(schema.graphql.type_map["String"])) is None  # type: ignore[arg-type]


def test_a_field_without_a_function_is_read_from_an_attribute() -> None:
    found = framework.field_of(field("plain"))
    assert found
    assert (found.base_resolver, found.python_name, found.extensions) == (None, "plain", [])


def test_arguments_become_those_of_the_python_function_and_info_gives_the_context() -> None:
    found = framework.field_of(field("days"))
    assert found
    assert found.base_resolver
    assert found.base_resolver.info_parameter
    info, raw_info = framework.info_of("a context")
    assert info.context == raw_info.context == "a context"
    values = framework.python_arguments(SMALL, found, {"aFilter": {"since": date(2026, 3, 1)}})
    resolve: Any = found.base_resolver.wrapped_func
    assert resolve(None, **{found.base_resolver.info_parameter.name: info}, **values) == "01.03 a context"
    resolve = field("days").resolve
    assert resolve
    assert resolve(Query(), raw_info, aFilter={"since": date(2026, 3, 1)}) == "01.03 a context"


def test_the_executor_asks_before_it_resolves_the_fields_of_an_object() -> None:
    objects: list[Any] = []

    class Noting(framework.ExecutionContext):
        def execute_fields(self, parent_type: Any, source: Any, path: Any, fields: Any, position: Any) -> Any:
            objects.append((parent_type.name, self.context_value.name, self.operation.operation.value))
            return super().execute_fields(parent_type, source, path, fields, position)

    context = SimpleNamespace(name="mine")
    answer = execute_sync(framework.core_schema(SMALL), parse("{ plain }"), Query(), context, executor_class=Noting)
    assert (answer.data, objects) == ({"plain": 1}, [("Query", "mine", "query")])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('{ days(aFilter: {since: "2026-03-01", name: null}) }', "null"),
        ("{ chosen(choice: {first: 1, second: 2}) }", "(?i)exactly one"),
    ],
)
def test_strawberry_s_own_rules_refuse_what_the_specification_s_allow(query: str, message: str) -> None:
    document = parse(query)
    rules = (*specified_rules, *framework.VALIDATION_RULES)
    errors = validate(framework.core_schema(SMALL), document, rules)
    assert errors
    assert re.search(message, errors[0].message)


@pytest.mark.parametrize(("fields", "aborted"), [(100, False), (1000, True)])
def test_validation_is_aborted_after_so_many_comparisons(fields: int, aborted: bool) -> None:
    document = parse("{ " + "plain " * fields + "}")
    errors = validate(framework.core_schema(SMALL), document)
    assert bool(errors) == aborted
    assert all(map(framework.is_aborted, errors))
    assert COMPARISONS < 1000 * 999


@pytest.mark.parametrize("text", ["{ plain plain plain }", "# a\n# b\n# c\n# d\n{ plain }"])
def test_the_parser_says_when_it_stops_at_its_limit_of_tokens(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError) as stopped:
        parse(text, max_lexical_tokens=3, max_comments=3)
    assert framework.exceeds_tokens(stopped.value)
    assert not framework.exceeds_nesting(stopped.value)


def test_the_parser_says_when_it_stops_at_its_limit_of_nesting() -> None:
    with pytest.raises(GraphQLSyntaxError) as stopped:
        parse("{ a" * 100_000)
    assert framework.exceeds_nesting(stopped.value)
    assert not framework.exceeds_tokens(stopped.value)


def test_values_of_an_enum_are_described() -> None:
    framework.describe_values(Colour, {"RED": "The colour of the fire brigade."})
    assert "The colour of the fire brigade." in strawberry.Schema(Query).as_str()
