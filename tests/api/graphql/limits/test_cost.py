"""The cost of an operation equals a visit of every field, with the sizes of pages that its variables give."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    IntValueNode,
    OperationDefinitionNode,
    VariableNode,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_list_type,
    parse,
    value_from_ast_untyped,
)
from hypothesis import given

from api.graphql.limits.check import CheckedDocument, check_document
from api.graphql.limits.cost import DocumentCost
from api.graphql.limits.cost_map import FIELD_COSTS, GRID_SIZES, LIST_SIZES, Edges, PageCost
from api.graphql.limits.limits import MANY, limits_from
from api.graphql.opaque import encode
from core.settings import Settings
from tests.api.graphql.limits.documents import SCHEMA, VARIABLES, Visit, documents, doubling, written_out
from tests.forms import examples

ALLOWED = limits_from(Settings())
COORDINATES = {
    f"{kind.name}.{name}": field
    for kind in SCHEMA.type_map.values()
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType))
    for name, field in kind.fields.items()
}


def cost(text: str, operation: str | None = None, **variables: Any) -> int:
    prepared = check_document(SCHEMA, text, ALLOWED)
    assert isinstance(prepared, CheckedDocument), prepared
    return prepared.cost(operation, variables)


def is_list(coordinate: str) -> bool:
    kind = COORDINATES[coordinate].type
    return is_list_type(get_nullable_type(kind)) or get_named_type(kind).name.endswith("Connection")


def test_every_coordinate_that_has_a_weight_or_a_size_is_a_field_of_the_schema() -> None:
    assert FIELD_COSTS.keys() | LIST_SIZES.keys() | GRID_SIZES.keys() <= COORDINATES.keys()


def test_a_log_of_webhooks_costs_as_many_endpoints_and_attempts_as_there_may_be() -> None:
    text = "{ webhookEndpoints { deliveries(first: 1) { edges { node { attempts { at } } } } } }"
    attempts = 1 + 30 * (1 + 1)
    deliveries = 20 + (1 + 1 * (1 + 1 + attempts))
    assert cost(text) == 20 + 20 * (1 + deliveries)


def test_every_list_and_every_connection_has_a_size() -> None:
    assert {coordinate for coordinate in COORDINATES if is_list(coordinate)} == LIST_SIZES.keys()


def test_every_mutation_and_every_field_that_takes_a_page_has_a_weight() -> None:
    heavy = {coordinate for coordinate, size in LIST_SIZES.items() if isinstance(size, PageCost)}
    heavy |= {coordinate for coordinate in COORDINATES if coordinate.startswith("Mutation.")}
    assert {coordinate for coordinate in heavy if FIELD_COSTS.get(coordinate, 1) == 1} == set()


@pytest.mark.parametrize(
    "coordinate", [coordinate for coordinate, size in LIST_SIZES.items() if isinstance(size, PageCost)]
)
def test_the_default_of_a_page_is_the_one_of_the_schema(coordinate: str) -> None:
    size = LIST_SIZES[coordinate]
    assert isinstance(size, PageCost)
    arguments = COORDINATES[coordinate].args
    first = arguments.get("first") or arguments["last"]
    assert first.default_value == size.default
    most = f"{size.most:,}"
    assert first.description is not None
    assert first.description.endswith(f"from 1 to {most}.")


def naively(visits: list[Visit], variables: dict[str, Any]) -> int:
    """The sum over all fields of their weight and their items, times the sizes of all lists above them."""
    return sum(
        _times(visit.above, variables) * _weight(visit, variables) + _all_items(visit, variables) for visit in visits
    )


def _coordinate(visit: Visit) -> str:
    return f"{visit.parent.name}.{visit.field.name.value}"


def _weight(visit: Visit, variables: dict[str, Any]) -> int:
    weight = FIELD_COSTS.get(_coordinate(visit), 1)
    if isinstance(weight, int):
        return weight
    return weight.of(_arguments(visit.field, variables))


def _arguments(field: FieldNode, variables: dict[str, Any]) -> dict[str, Any]:
    return {each.name.value: value_from_ast_untyped(each.value, variables) for each in field.arguments or ()}


def _all_items(visit: Visit, variables: dict[str, Any]) -> int:
    is_page = LIST_SIZES.get(_coordinate(visit)) is Edges.OF_THE_PAGE
    # A grid counts the points of all its series.
    grid = _grid(visit.above) if is_page else None
    return _times(grid.above if grid else visit.above, variables) * _items(visit, visit.above, variables)


def _items(visit: Visit, above: tuple[Visit, ...], variables: dict[str, Any]) -> int:
    size = LIST_SIZES.get(_coordinate(visit))
    if size is Edges.OF_THE_PAGE:
        if grid := _grid(above):
            return GRID_SIZES[_coordinate(grid)].of(_arguments(grid.field, variables))
        return _page(above[-1].field, LIST_SIZES[_coordinate(above[-1])], variables)
    return size if isinstance(size, int) else 0


def _times(above: tuple[Visit, ...], variables: dict[str, Any]) -> int:
    times = 1
    for index, visit in enumerate(above):
        size = LIST_SIZES.get(_coordinate(visit))
        if size is Edges.OF_THE_PAGE and (grid := _grid(above[:index])):
            times = _times(grid.above, variables)
        if size is Edges.OF_THE_PAGE or isinstance(size, int):
            times *= _items(visit, above[:index], variables)
    return times


def _grid(above: tuple[Visit, ...]) -> Visit | None:
    return next((visit for visit in above if _coordinate(visit) in GRID_SIZES), None)


def _page(field: FieldNode, page: Any, variables: dict[str, Any]) -> int:
    first: Any = None
    for argument in field.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, VariableNode):
                first = variables.get(argument.value.name.value)
            elif isinstance(argument.value, IntValueNode):
                first = int(argument.value.value)
    if isinstance(first, bool) or not isinstance(first, (int, float)):
        return int(page.default)
    if math.isnan(first) or first <= 0:
        return 0
    return int(min(first, page.most))


@examples(150)
@given(text=documents(), variables=VARIABLES)
def test_the_cost_is_the_one_of_the_document_when_it_is_written_out(text: str, variables: dict[str, Any]) -> None:
    document = parse(text)
    operation = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    expected = naively(written_out(document, operation), {"n": 3, **variables})
    assert DocumentCost(SCHEMA, document).of(None, variables) == min(expected, MANY)


PAGE = "query Q($n: Int) { licenses(first: $n) { edges { cursor } } }"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 20 + 1 + 20 * 2),
        ({"n": None}, 20 + 1 + 20 * 2),
        ({"n": 1}, 20 + 1 + 2),
        ({"n": 100}, 20 + 1 + 200),
        ({"n": 101}, 20 + 1 + 200),
        ({"n": 2**70}, 20 + 1 + 200),
        ({"n": 5.0}, 20 + 1 + 10),
        ({"n": float("inf")}, 20 + 1 + 200),
        ({"n": float("nan")}, 20 + 1),
        ({"n": 0}, 20 + 1),
        ({"n": -(2**70)}, 20 + 1),
        ({"n": "100"}, 20 + 1 + 40),
        ({"n": True}, 20 + 1 + 40),
        ({"n": [100]}, 20 + 1 + 40),
        ({"n": {"n": 100}}, 20 + 1 + 40),
    ],
)
def test_a_page_costs_what_it_may_hold_and_what_will_be_refused_costs_no_more(
    variables: dict[str, Any], expected: int
) -> None:
    assert cost(PAGE, **variables) == expected


def test_the_default_of_a_variable_is_taken_where_it_was_not_sent() -> None:
    text = PAGE.replace("$n: Int", "$n: Int = 7")
    assert cost(text) == 20 + 1 + 14
    assert cost(text, n=None) == 20 + 1 + 40
    huge = f"query ($n: Int = 2147483647, $f: JSON = {'9' * 5000}) {{ licenses(first: $n) {{ edges {{ cursor }} }} }}"
    assert DocumentCost(SCHEMA, parse(huge)).of(None, None) == 20 + 1 + 200


def test_each_operation_of_a_document_has_its_own_cost() -> None:
    text = f"{PAGE} query Name {{ viewer {{ name }} }} mutation Refresh {{ refreshConsumption {{ id }} }}"
    assert cost(text, "Q", n=1) == 23
    assert cost(text, "Name") == 2
    assert cost(text, "Refresh") == 51
    assert cost(text, "Unknown") == cost(text, None) == 0


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("viewer { name scopes }", 1 + 1 + 1 + 5),
        ("consumption { sections { key } }", 20 + 1 + 7 * 2),
        ("consumption { sections { readings { used } } }", 20 + 1 + 7 * (1 + 1 + 3 * 2)),
        ("licenses(first: 2) { pageInfo { hasNextPage } edges { node { key } } }", 20 + 2 + 1 + 2 * (1 + 1 + 1)),
        ("node(id: 1) { id ... on License { key } ... on Meter { key } }", 20 + 1 + 1 + 1),
        ("__schema { queryType { name } }", 3),
        ("__typename", 1),
    ],
)
def test_what_some_selections_cost(selection: str, expected: int) -> None:
    assert cost(f"{{ {selection} }}") == expected


@pytest.mark.parametrize(
    ("selection", "variables", "expected"),
    [
        ("consumption { status }", {}, 20 + 1),
        ("consumption(at: null) { status }", {}, 20 + 1),
        ("consumption(at: $at) { status }", {}, 20 + 1),
        ("consumption(at: $at) { status }", {"at": None}, 20 + 1),
        ("consumption(at: $at) { status }", {"at": "2026-01-01T00:00:00Z"}, 1000 + 1),
        ('consumption(at: "2026-01-01T00:00:00Z") { status }', {}, 1000 + 1),
        ("node(id: $id) { id }", {"id": encode("Reading", "acme", "users")}, 20 + 1),
        ("node(id: $id) { id }", {"id": encode("Reading", "acme", "users", "2026-01-01")}, 1000 + 1),
        ("node(id: $id) { id }", {"id": encode("Section", "acme", "data", "2026-01-01")}, 1000 + 1),
        ("node(id: $id) { id }", {"id": encode("Consumption", "acme", "2026-01-01")}, 1000 + 1),
        ("node(id: $id) { id }", {"id": encode("License", "2026-01-01")}, 20 + 1),
        ("node(id: $id) { id }", {"id": encode()}, 20 + 1),
        ("node(id: $id) { id }", {"id": "!"}, 20 + 1),
        ("node(id: $id) { id }", {"id": 5}, 20 + 1),
        ("nodes(ids: $ids) { id }", {"ids": [encode("Consumption", "a", "2026-01-01")] * 3}, 3000 + 50 * 2),
        ("nodes(ids: [$id, $id]) { id }", {"id": encode("Consumption", "a", "2026-01-01")}, 2000 + 50 * 2),
        ("nodes(ids: $ids) { id }", {"ids": [encode("Consumption", "a", "2026-01-01")] * 90}, 50_000 + 50 * 2),
        ("nodes(ids: $ids) { id }", {"ids": 5}, 20 + 50 * 2),
    ],
)
def test_a_past_day_costs_what_it_takes_to_measure_it_again(
    selection: str, variables: dict[str, Any], expected: int
) -> None:
    text = f"query ($at: DateTime, $id: ID!, $ids: [ID!]!) {{ {selection} }}"
    assert DocumentCost(SCHEMA, parse(text)).of(None, variables) == expected


def test_numbers_stop_where_json_holds_them_exactly() -> None:
    document = parse(doubling(80, "licenses(first: 100) { edges { cursor } }"))
    assert DocumentCost(SCHEMA, document).of(None, {}) == MANY


def test_introspection_is_within_the_limits() -> None:
    text = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert cost(text) < ALLOWED.cost / 2


def test_the_cost_of_usage_grows_with_its_points() -> None:
    def of(arguments: str, fields: str = "total") -> int:
        return cost(f'{{ usage(meter: "interactions", from: "2026-01-01T00:00:00Z", {arguments}) {{ {fields} }} }}')

    month, points = 'to: "2026-01-31T00:00:00Z"', "series { key points { start amount } }"
    # 31 days are at most 33 intervals, each of 10 series and the rest.
    assert of(month) == 500 + 11 * 33 // 2 + 1
    assert of(month, points) == 500 + 11 * 33 // 2 + (1 + 10 * (1 + 1 + 1)) + 11 * 33 * (1 + 2)
    assert of(f"{month}, interval: WEEK", points) == 500 + 11 * 6 // 2 + 31 + 11 * 6 * 3
    assert of(f"{month}, interval: MONTH, top: 1000", points) == 500 + 101 * 3 // 2 + 31 + 101 * 3 * 3
    assert of("top: 1") == of(f'top: 1, to: "{datetime.now(UTC).isoformat()}"')
    text = "query ($from: DateTime, $by: Interval) { usage(from: $from, interval: $by) { restPoints { amount } } }"
    assert cost(text) == 500 + 11 * 368 // 2 + 1 + 11 * 368 * 2
    assert cost(text, **{"from": "never", "by": None}) == cost(text)
    assert cost(text, by="MONTH") == 500 + 11 * 15 // 2 + 1 + 11 * 15 * 2


def test_the_cost_of_an_explanation_grows_with_its_parts() -> None:
    around = '{ consumption { section(key: "sms") { readings { explanation%s { %s } } } } }'
    per_reading = lambda first, fields: (cost(around % (first, fields)) - cost(around % ("", "late"))) // 3  # noqa: E731
    assert cost(around % ("", "late")) == 20 + 1 + 1 + 3 * (1 + 1000 + 1)
    parts = 104 * (1 + 1)
    assert per_reading("", "late parts { amount }") == 1 + parts
    assert per_reading("", "late divisor { parts { amount } }") == 1 + 1 + parts
    assert per_reading("(first: 5000)", "late parts { amount }") == 1 + 1004 * 2


def test_a_report_costs_the_same_by_days_as_by_instants() -> None:
    def of(arguments: str) -> int:
        return cost(f'{{ license(key: "acme") {{ contractReport({arguments}) {{ from }} }} }}')

    by_instants = of('from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z"')
    assert by_instants == of('firstDay: "2026-01-01", lastDay: "2026-03-01"')
    assert by_instants - of('firstDay: "2026-01-02", lastDay: "2026-03-01"') == 30
