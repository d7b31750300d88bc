"""Plans answer what graphql-core answers, to the byte, or leave it to graphql-core."""

from datetime import datetime
from typing import Any, cast

import orjson
import pytest
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationDefinitionNode,
    execute_sync,
    get_named_type,
)
from hypothesis import given
from hypothesis import strategies as st

from api.concurrency.deadline import Deadline
from api.graphql.context import Context, Services
from api.graphql.limits.limits import limits_from
from api.graphql.operations.execute import OperationCall, execute
from api.graphql.operations.leaves import NotPlanned
from api.graphql.operations.plan import AnswerPlan, Planner, Step
from api.graphql.operations.prepare import Preparer
from api.graphql.schema.build import schema
from core.errors import AllowanceError
from core.languages.negotiation import ENGLISH_ALONE
from core.settings import Settings
from tests.api.conftest import NOW
from tests.api.server import TRACE, Served
from tests.fixtures.engine import OPERATOR
from tests.forms import examples

QUERY = schema.graphql.query_type
VARIABLES = {"license": "acme", "yes": True}
ARGUMENTS = {
    "Query.consumption": ['(license: "acme")', "(license: $license)", "(license: $license, at: null)"],
    "Query.license": ['(key: "acme")', "(key: $license)"],
    "Query.licenses": ["", "(first: 2)", "(status: [EXCEEDED, OK])"],
    "Query.node": ['(id: "bm90aGluZw")'],
    "Consumption.sections": ["", "(status: OK)", '(keys: ["sms"])', "(keys: [$license])"],
    "Consumption.section": ['(key: "sms")', "(key: $license)"],
    "Reading.breakdown": ["", '(dimension: "channel")', "(dimension: $license)"],
    "Reading.history": ["(first: 2)", "(interval: WEEK)"],
    "Warnings.notices": ["", '(application: "x")'],
}
DEEPEST = 5
PREPARER = Preparer(limits_from(Settings(graphql_max_aliases=5000)))


def asked(query: str, variables: dict[str, Any]) -> OperationCall:
    prepared = PREPARER.prepare(query)
    return OperationCall(prepared, prepared.operation(None), variables)


def run(one: OperationCall, context: Context) -> dict[str, Any]:
    return execute(one, context, lambda reason: None)


def context_of(served: Served, now: datetime) -> Context:
    runtime = served.runtime
    services = Services(
        settings=runtime.settings,
        database=runtime.database,
        registry=runtime.registry,
        committer=runtime.committer,
        admitter=runtime.admitter,
        measurer=runtime.measurer,
        announcer=cast("Any", None),
    )
    return Context(services, OPERATOR, now, Deadline(), TRACE, ENGLISH_ALONE)


@st.composite
def selections(draw: st.DrawFn, type_: GraphQLObjectType, depth: int = 0) -> str:
    """A random selection of a type's fields, with aliases, fragments and arguments."""
    names = [name for name in type_.fields if depth < DEEPEST or not is_object(type_.fields[name].type)]
    chosen = draw(st.lists(st.sampled_from([*names, "__typename"]), min_size=1, max_size=5))
    parts = []
    for number, name in enumerate(chosen):
        if name == "__typename":
            parts.append(f"t{number}: __typename")
            continue
        field = type_.fields[name]
        arguments = draw(st.sampled_from(ARGUMENTS.get(f"{type_.name}.{name}", [""])))
        inner = draw(selections(named(field), depth + 1)) if is_object(field.type) else ""
        part = f"a{number}: {name}{arguments} {inner}"
        wrapped = draw(st.sampled_from(["%s", "... on " + type_.name + " { %s }", "... { %s }"]))
        parts.append(wrapped % part)
    return "{ " + " ".join(parts) + " }"


def is_object(type_: GraphQLOutputType) -> bool:
    return isinstance(get_named_type(type_), GraphQLObjectType)


def named(field: GraphQLField) -> GraphQLObjectType:
    found = get_named_type(field.type)
    assert isinstance(found, GraphQLObjectType)
    return found


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@examples(80)
@given(data=st.data())
def test_a_random_query_is_answered_as_graphql_core_answers_it(library: Served, data: st.DataObject) -> None:
    query = "query ($license: String!) " + data.draw(selections(named_root()))
    if "$license" not in query.removeprefix("query ($license: String!) "):
        query = query.removeprefix("query ($license: String!) ")
    one = asked(query, VARIABLES)
    with_plan, without = context_of(library, NOW), context_of(library, NOW)
    try:
        expected = execute_sync(
            schema.graphql, one.prepared.checked.document, context_value=without, variable_values=VARIABLES
        )
        assert one.operation.plan
        if expected.errors:
            with pytest.raises((AllowanceError, GraphQLError, NotPlanned)):
                one.operation.plan(with_plan, VARIABLES)
        else:
            assert orjson.dumps(one.operation.plan(with_plan, VARIABLES)) == orjson.dumps(expected.data)
    finally:
        with_plan.close()
        without.close()


def named_root() -> GraphQLObjectType:
    """The queries, but for those whose answer is of an interface."""
    assert QUERY
    fields = {name: field for name, field in QUERY.fields.items() if is_object(field.type)}
    return GraphQLObjectType("Query", fields)


FRAGMENTS = """
query ($license: String) {
  consumption(license: $license) { ...Head ...Head sections { ...Part } }
  again: consumption(license: $license) { sections { key readings { used } readings { limit } } }
}
fragment Head on Consumption { status version ... on Node { id } }
fragment Part on Section { key ...More }
fragment More on Section { key title readings { __typename meter { key plugin { name } } breakdown { used } } }
"""


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_fragments_and_fields_named_twice_are_merged(library: Served) -> None:
    one = asked(FRAGMENTS, VARIABLES)
    context = context_of(library, NOW)
    assert one.operation.plan
    planned = one.operation.plan(context, VARIABLES)
    expected = execute_sync(
        schema.graphql, one.prepared.checked.document, context_value=context, variable_values=VARIABLES
    )
    context.close()
    assert expected.errors is None
    assert orjson.dumps(planned) == orjson.dumps(expected.data)
    assert list(planned["again"]["sections"][0]["readings"][0]) == ["used", "limit"]


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_a_subscription_is_planned_and_answered_as_a_query_of_what_is_so_now(library: Served) -> None:
    shown = "status version sections { key readings { used } }"
    context = context_of(library, NOW)
    query = run(asked(f'{{ consumption(license: "acme") {{ {shown} }} }}', {}), context)["data"]["consumption"]
    planned = asked(f'subscription {{ consumptionChanged(license: "acme") {{ {shown} }} }}', {})
    assert planned.operation.plan
    assert planned.operation.plan(context, {}) == {"consumptionChanged": query}
    stepwise = asked(
        f'subscription {{ consumptionChanged(license: "acme") {{ ... @skip(if: false) {{ {shown} }} }} }}', {}
    )
    assert stepwise.operation.plan is None
    assert run(stepwise, context) == {"data": {"consumptionChanged": query}}
    context.close()


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { queryType { name } } }",
        'query ($yes: Boolean!) { consumption(license: "acme") { status @include(if: $yes) } }',
        'query ($yes: Boolean!) { consumption(license: "acme") { ... @skip(if: $yes) { status } } }',
        '{ node(id: "x") { id } }',
        'mutation { refreshConsumption(license: "acme") { id } }',
    ],
)
def test_what_a_plan_does_not_know_is_executed_step_by_step(query: str) -> None:
    assert asked(query, VARIABLES).operation.plan is None


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "path"),
    [
        ('{ consumption(license: "acme") { status sections(keys: ["smms"]) { key } } }', ["consumption", "sections"]),
        ('{ good: consumption(license: "acme") { status } bad: consumption(license: "nobody") { status } }', ["bad"]),
        ("{ consumption { status } }", ["consumption"]),
    ],
)
def test_an_error_is_answered_with_its_path_and_beside_what_went_well(
    library: Served, query: str, path: list[str]
) -> None:
    context = context_of(library, NOW)
    answer = run(asked(query, {}), context)
    context.close()
    (error,) = answer["errors"]
    assert error["path"] == path
    assert error["extensions"]["code"] in ("BAD_INPUT", "NOT_FOUND")
    assert ("good" in query) == bool(answer["data"] and answer["data"].get("good"))


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_a_variable_of_the_wrong_type_is_refused_with_a_code_and_the_trace(library: Served) -> None:
    context = context_of(library, NOW)
    answer = run(asked("query ($key: String!) { license(key: $key) { name } }", {"key": 7}), context)
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_INPUT", "trace": TRACE}]
    assert "data" not in answer


def test_only_the_operation_that_is_asked_for_is_planned_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[str] = []
    plan = Planner.plan

    def note(planner: Planner, operation: OperationDefinitionNode) -> AnswerPlan | None:
        assert operation.name
        planned.append(operation.name.value)
        return plan(planner, operation)

    monkeypatch.setattr(Planner, "plan", note)
    document = PREPARER.prepare("query A { viewer { name } } query B { viewer { scopes } }")
    assert planned == []
    assert document.operation("B").plan is document.operation("B").plan is not None
    assert planned == ["B"]


def test_what_operations_share_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fields: list[str] = []
    resolved = Planner._field

    def note(planner: Planner, parent: GraphQLObjectType, nodes: list[FieldNode]) -> Step:
        fields.append(nodes[0].name.value)
        return resolved(planner, parent, nodes)

    monkeypatch.setattr(Planner, "_field", note)
    operations = " ".join(f"query A{number} {{ ...F }}" for number in range(20))
    document = PREPARER.prepare(f"{operations} fragment F on Query {{ viewer {{ name scopes }} }}")
    assert all(document.operation(f"A{number}").plan for number in range(20))
    assert sorted(fields) == ["name", "scopes", *["viewer"] * 20]


def test_a_document_counts_in_memory_once_for_each_of_its_operations() -> None:
    preparer = Preparer(limits_from(Settings()))
    fragment = "fragment f on Query { " + "viewer { name } " * 100 + "}"
    single = f"query A {{ ...f }} {fragment}"
    several = single + " ".join(f"query B{number} {{ ...f }}" for number in range(19))
    assert preparer.prepare(single) is preparer.prepare(single)
    assert preparer.prepare(several).size > 10 * preparer.prepare(single).size
