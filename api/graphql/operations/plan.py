"""Plans: queries compiled into plain calls, so that a field costs a call instead of a walk through the specification.

A plan covers only the successful path of a query. A query with anything else gets no plan. If a plan raises, then
graphql-core executes the query again, and answers with its errors. Queries change nothing, so that this is safe.

graphql-jit compiles queries for JavaScript; no library was found that does so for graphql-core.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    Visitor,
    get_argument_values,
    get_nullable_type,
    get_variable_values,
    visit,
)

from api.concurrency.deadline import Deadline
from api.graphql.context import Context
from api.graphql.framework import SchemaField, field_of, info_of, python_arguments
from api.graphql.operations.leaves import PLAIN_TYPES, NotPlanned, serializer
from api.graphql.schema.build import schema
from core.errors import AllowanceError
from core.right_of_way import give_way


@dataclass(frozen=True, slots=True)
class Run:
    """The arguments that one execution hands to every field."""

    variables: Any
    info: Any
    raw_info: Any
    deadline: Deadline


Step: TypeAlias = Callable[[Any, Run], Any]
"""A function from a source to the value of a field, or from a value to its form in the answer."""
Read: TypeAlias = Callable[[Any], Any]
"""A step that needs nothing of the execution."""
AnswerPlan: TypeAlias = Callable[[Context, dict[str, Any]], dict[str, Any]]
"""A function from a context and variables to the data of a query; raises if anything fails."""


def _run(
    operation: OperationDefinitionNode,
    complete: Step,
    context: Context,
    variables: dict[str, Any],
) -> dict[str, Any]:
    # The first wrong value is enough, as each costs a search for similar ones: graphql-core finds it for the answer.
    coerced = get_variable_values(
        schema.graphql, operation.variable_definitions or (), variables, max_errors=0, hide_suggestions=True
    )
    if isinstance(coerced, list):
        raise NotPlanned
    info, raw_info = info_of(context)
    data: dict[str, Any] = complete(None, Run(coerced, info, raw_info, context.deadline))
    return data


class Planner:
    """The plans of the operations of one valid document. Equal selections on a type are planned once.

    Two threads may plan the same selections at the same time; their plans are equal.
    """

    def __init__(self, document: DocumentNode) -> None:
        """Plan nothing yet."""
        definitions = document.definitions
        self._fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
        self._objects: dict[tuple[str, tuple[int, ...]], Step] = {}

    def plan(self, operation: OperationDefinitionNode) -> AnswerPlan | None:
        """Return the plan of a query or subscription; None if graphql-core has to execute the operation."""
        roots = {
            OperationType.QUERY: schema.graphql.query_type,
            OperationType.SUBSCRIPTION: schema.graphql.subscription_type,
        }
        root = roots.get(operation.operation)
        if root is None or operation.directives:
            return None
        try:
            complete = self._object(root, (operation.selection_set,))
        except (NotPlanned, GraphQLError, AllowanceError):
            return None
        return partial(_run, operation, complete)

    def _object(self, type_: GraphQLObjectType, selections: Sequence[SelectionSetNode]) -> Step:
        give_way()
        key = type_.name, tuple(map(id, selections))
        if key not in self._objects:
            self._objects[key] = self._new_object(type_, selections)
        return self._objects[key]

    def _new_object(self, type_: GraphQLObjectType, selections: Sequence[SelectionSetNode]) -> Step:
        nodes: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection in selections:
            for node in self._fields(type_, selection.selections, seen):
                nodes.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        steps = [(key, self._field(type_, fields)) for key, fields in nodes.items()]

        def complete(source: Any, run: Run) -> dict[str, Any]:
            run.deadline.check()
            return {key: step(source, run) for key, step in steps}

        return complete

    def _fields(
        self, type_: GraphQLObjectType, selections: Sequence[SelectionNode], seen: set[str]
    ) -> Iterator[FieldNode]:
        for node in selections:
            if node.directives:
                raise NotPlanned
            if isinstance(node, FieldNode):
                yield node
                continue
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                fragment: FragmentDefinitionNode | InlineFragmentNode = self._fragments[node.name.value]
            elif isinstance(node, InlineFragmentNode):
                fragment = node
            else:
                raise NotPlanned
            condition = fragment.type_condition
            names = (type_.name, *(interface.name for interface in type_.interfaces))
            if condition is None or condition.name.value in names:
                yield from self._fields(type_, fragment.selection_set.selections, seen)

    def _field(self, parent: GraphQLObjectType, nodes: list[FieldNode]) -> Step:
        node = nodes[0]
        if node.name.value == "__typename":
            name = parent.name
            return lambda source, run: name
        definition = parent.fields.get(node.name.value)
        if definition is None:  # introspection
            raise NotPlanned
        sets = (field.selection_set for field in nodes)
        selections = tuple({id(selections): selections for selections in sets if selections}.values())
        read = _reader(definition, node)
        if read is None:
            resolve, complete = _resolver(definition, node), self._complete(definition.type, selections)
            return lambda source, run: complete(resolve(source, run), run)
        nullable = get_nullable_type(definition.type)
        if isinstance(nullable, (GraphQLScalarType, GraphQLEnumType)):
            return _leaf_field(read, nullable, is_required=nullable is not definition.type)
        complete = self._complete(definition.type, selections)
        return lambda source, run: complete(read(source), run)

    def _complete(self, type_: GraphQLOutputType, selections: Sequence[SelectionSetNode]) -> Step:
        if isinstance(type_, GraphQLNonNull):
            return _not_null(self._complete_value(type_.of_type, selections))
        complete = self._complete_value(type_, selections)
        return lambda value, run: None if value is None else complete(value, run)

    def _complete_value(self, type_: GraphQLOutputType, selections: Sequence[SelectionSetNode]) -> Step:
        if isinstance(type_, GraphQLList):
            item = self._complete(type_.of_type, selections)
            return lambda values, run: [item(value, run) for value in values]
        if isinstance(type_, GraphQLObjectType):
            return self._object(type_, selections)
        if isinstance(type_, (GraphQLScalarType, GraphQLEnumType)):
            serialize = serializer(type_)
            return lambda value, run: serialize(value)
        raise NotPlanned  # an interface: each value has a type of its own


def _not_null(complete: Step) -> Step:
    def checked(value: Any, run: Run) -> Any:
        if value is None:
            raise NotPlanned
        return complete(value, run)

    return checked


def _plannable(definition: GraphQLField) -> SchemaField:
    field = field_of(definition)
    if field is None or field.extensions or definition.resolve is None:
        raise NotPlanned
    return field


def _reader(definition: GraphQLField, node: FieldNode) -> Read | None:
    """Return the function that reads a field from its source; None if the function needs the execution."""
    field = _plannable(definition)
    if field.base_resolver is None:
        return attrgetter(field.python_name)
    resolver = field.base_resolver
    if resolver.info_parameter or resolver.self_parameter is None or _Variables().within(node):
        return None
    function: Any = resolver.wrapped_func
    arguments = _arguments(definition, field, node)
    return partial(function, **arguments) if arguments else function


def _resolver(definition: GraphQLField, node: FieldNode) -> Step:
    """Return the function that reads a field from its source with the arguments of the execution."""
    field = _plannable(definition)
    resolve, resolver = definition.resolve, field.base_resolver
    if resolve is None or resolver is None:
        raise NotPlanned
    if _Variables().within(node):
        return lambda source, run: resolve(source, run.raw_info, **get_argument_values(definition, node, run.variables))
    if resolver.info_parameter is None:
        raise NotPlanned
    wrapped: Any = resolver.wrapped_func
    function, name = partial(wrapped, **_arguments(definition, field, node)), resolver.info_parameter.name
    if resolver.self_parameter is None:  # a plain function, as the fields of the roots have
        return lambda source, run: function(**{name: run.info})
    return lambda source, run: function(source, **{name: run.info})


def _arguments(definition: GraphQLField, field: SchemaField, node: FieldNode) -> dict[str, Any]:
    """Return the arguments in the document as those of the field's Python function."""
    return python_arguments(schema, field, get_argument_values(definition, node))


class _Variables(Visitor):
    """A search for variables in the arguments of a field."""

    found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True

    def within(self, node: FieldNode) -> bool:
        for argument in node.arguments or ():
            visit(argument, self)
        return self.found


def _leaf_field(read: Read, type_: GraphQLLeafType, *, is_required: bool) -> Step:
    """Return the step of a field that is a scalar or an enum, as most are: it reads and converts in one call."""
    serialize, plain_type = serializer(type_), PLAIN_TYPES.get(type_.name)

    def step(source: Any, run: Run) -> Any:
        value = read(source)
        if type(value) is plain_type:
            return value
        if value is None:
            if is_required:
                raise NotPlanned
            return None
        return serialize(value)

    return step
