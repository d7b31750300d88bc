"""The cost of an operation, known before the operation is executed.

A document is walked once. Costs that depend on no variable are summed up then, so that the same document with other
variables takes a few additions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, cast

from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from api.graphql.limits.cost_map import FIELD_COSTS, GRID_SIZES, LIST_SIZES, ArgumentCost, Edges, PageCost
from api.graphql.limits.fragments import fragments_in_order
from api.graphql.limits.limits import MANY


@dataclass(slots=True)
class _Values:
    """The variables of one operation, and the costs of fragments with them."""

    variables: Mapping[str, Any]
    fragments: dict[str, tuple[int, int]]


Number: TypeAlias = int | Callable[[_Values], int]
"""A number, or a function of the variables."""


class _Cost(NamedTuple):
    """The cost of a selection set: `once`, and `per_edge` of the connection or the grid that it is in."""

    once: Number
    per_edge: Number


_FREE: Final = _Cost(0, 0)


class DocumentCost:
    """The costs of the operations of a valid document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        """Sum up the costs that depend on no variable."""
        self._schema = schema
        self._fragments: dict[str, _Cost] = {}
        self._with_variables: list[tuple[str, _Cost]] = []
        for fragment in fragments_in_order(document):
            name = fragment.name.value
            condition = schema.type_map[fragment.type_condition.name.value]
            cost = self._of_selections(fragment.selection_set, condition)
            if isinstance(cost.once, int) and isinstance(cost.per_edge, int):
                self._fragments[name] = cost
            else:
                self._with_variables.append((name, cost))
                self._fragments[name] = _by_name(name)
        self._operations: dict[str | None, tuple[Number, dict[str, Any]]] = {}
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode) and (root := schema.get_root_type(operation.operation)):
                cost = self._of_selections(operation.selection_set, root)
                key = operation.name.value if operation.name else None
                self._operations[key] = (cost.once, _defaults(operation))

    def of(self, operation: str | None, variables: Mapping[str, Any] | None) -> int:
        """Return the cost of an operation; 0 if the document has no such operation, which is refused elsewhere.

        Args:
            operation: The name of the operation, None for the only one.
            variables: The variables as they were sent. Values of a wrong type count as missing: they are refused
                elsewhere.
        """
        if operation is None and len(self._operations) == 1:
            (known,) = self._operations.values()
        elif operation in self._operations:
            known = self._operations[operation]
        else:
            return 0
        cost, defaults = known
        if isinstance(cost, int):
            return cost
        values = _Values({**defaults, **(variables or {})}, {})
        # In order, so that each fragment finds the fragments that it spreads.
        for name, fragment in self._with_variables:
            values.fragments[name] = (_value(fragment.once, values), _value(fragment.per_edge, values))
        return cost(values)

    def _of_selections(self, selection_set: SelectionSetNode, parent: GraphQLNamedType) -> _Cost:
        """Return the cost of all selections, also of fragments on different types of which only one will apply."""
        parts: list[_Cost] = []
        rest = [(selection_set, parent)]
        while rest:
            selections, kind = rest.pop()
            for selection in selections.selections:
                if isinstance(selection, FragmentSpreadNode):
                    parts.append(self._fragments[selection.name.value])
                elif isinstance(selection, InlineFragmentNode):
                    condition = selection.type_condition
                    narrowed = self._schema.type_map[condition.name.value] if condition else kind
                    rest.append((selection.selection_set, narrowed))
                elif isinstance(selection, FieldNode):
                    parts.append(self._of_field(selection, kind))
        return _Cost(_sum(part.once for part in parts), _sum(part.per_edge for part in parts))

    def _of_field(self, field: FieldNode, parent: GraphQLNamedType) -> _Cost:
        coordinate = f"{parent.name}.{field.name.value}"
        inner = _FREE
        definition = self._schema.get_field(cast("GraphQLCompositeType", parent), field.name.value)
        if field.selection_set and definition:
            inner = self._of_selections(field.selection_set, get_named_type(definition.type))
        weight = _weight(field, FIELD_COSTS.get(coordinate, 1))
        size = LIST_SIZES.get(coordinate)
        if coordinate in GRID_SIZES:
            points = _weight(field, GRID_SIZES[coordinate])
            return _Cost(_sum((weight, inner.once, _product(points, inner.per_edge))), 0)
        if size is None:
            return _Cost(_sum((weight, inner.once)), inner.per_edge)
        if size is Edges.OF_THE_PAGE:
            return _Cost(weight, _sum((1, inner.once)))
        if isinstance(size, PageCost):
            return _Cost(_sum((weight, inner.once, _product(_page(field, size), inner.per_edge))), 0)
        # A series has points of its own: the field above it counts those of all series.
        return _Cost(_sum((weight, _product(size, _sum((1, inner.once))))), inner.per_edge)


def _by_name(name: str) -> _Cost:
    return _Cost(lambda values: values.fragments[name][0], lambda values: values.fragments[name][1])


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Return the defaults of an operation's variables."""
    return {
        definition.variable.name.value: _value_of(definition.default_value, {})
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def _weight(field: FieldNode, weight: int | ArgumentCost) -> Number:
    """Return the weight of a field, which may depend on the values of its arguments."""
    if isinstance(weight, int):
        return weight
    arguments = {argument.name.value: argument.value for argument in field.arguments or ()}
    if any(map(_has_variable, arguments.values())):
        return lambda values: weight.of(_values_of(arguments, values.variables))
    return weight.of(_values_of(arguments, {}))


def _values_of(arguments: Mapping[str, ValueNode], variables: Mapping[str, Any]) -> dict[str, object]:
    return {name: _value_of(value, variables) for name, value in arguments.items()}


def _has_variable(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(map(_has_variable, value.values))
    return isinstance(value, VariableNode)


def _page(field: FieldNode, page: PageCost) -> Number:
    """Return the size of a page: `last` if it is given and not null, else `first`."""
    arguments = {argument.name.value: argument.value for argument in field.arguments or ()}
    first, last = arguments.get("first"), arguments.get("last")
    if not isinstance(first, VariableNode) and not isinstance(last, VariableNode):
        return _clamped(_literal(first) if _literal(last) is None else _literal(last), page)

    def size(values: _Values) -> int:
        known = _argument(last, values)
        return _clamped(_argument(first, values) if known is None else known, page)

    return size


def _argument(value: ValueNode | None, values: _Values) -> object:
    return values.variables.get(value.name.value) if isinstance(value, VariableNode) else _literal(value)


def _literal(value: ValueNode | None) -> int | None:
    # Python refuses to parse thousands of digits; 12 digits are beyond the size of any page.
    return int(value.value[:12]) if isinstance(value, IntValueNode) else None


def _value_of(value: ValueNode, variables: Mapping[str, Any]) -> object:
    """Return a value as the cost map needs it: numbers, texts and lists of them, None for null, "" for all else."""
    if isinstance(value, VariableNode):
        return variables.get(value.name.value)
    if isinstance(value, ListValueNode):
        return [_value_of(each, variables) for each in value.values]
    if isinstance(value, NullValueNode):
        return None
    if isinstance(value, StringValueNode | EnumValueNode):
        return value.value
    return _literal(value) if isinstance(value, IntValueNode) else ""


def _clamped(first: object, page: PageCost) -> int:
    """Return the size of a page. A size below or above the bounds is refused by the field itself."""
    if isinstance(first, bool) or not isinstance(first, (int, float)):
        return page.default
    return int(min(max(0, first), page.most))


def _value(number: Number, values: _Values) -> int:
    return number if isinstance(number, int) else number(values)


def _sum(numbers: Iterable[Number]) -> Number:
    known = 0
    open_: list[Callable[[_Values], int]] = []
    for number in numbers:
        if isinstance(number, int):
            known = min(known + number, MANY)
        else:
            open_.append(number)
    if not open_:
        return known
    return lambda values: min(known + sum(number(values) for number in open_), MANY)


def _product(times: Number, number: Number) -> Number:
    if isinstance(times, int) and isinstance(number, int):
        return min(times * number, MANY)
    return lambda values: min(_value(times, values) * _value(number, values), MANY)
