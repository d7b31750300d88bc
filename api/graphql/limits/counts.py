"""Counts of a document's fields, depth, aliases and directives.

They are checked before validation, since some rules of validation take quadratic time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from api.graphql.limits.fragments import fragments_in_order
from api.graphql.limits.limits import (
    DIRECTIVES_IN_ONE_PLACE,
    MANY,
    NESTING,
    OPERATIONS,
    Limits,
    TooDeep,
    TooManyAliases,
    TooManyDirectives,
    TooManyFields,
    TooManyOperations,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a selection set with its fragments expanded. Numbers stop at :data:`MANY`."""

    depth: int = 0
    """Fields in fields."""
    nesting: int = 0
    """Selections in selections: of fields, inline fragments and fragments."""
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    in_one_place: int = 0
    """The largest number of directives in one place."""

    def __add__(self, other: "Counts") -> "Counts":
        """Return the counts of two selection sets side by side."""
        return Counts(
            max(self.depth, other.depth),
            max(self.nesting, other.nesting),
            min(self.fields + other.fields, MANY),
            min(self.aliases + other.aliases, MANY),
            min(self.directives + other.directives, MANY),
            max(self.in_one_place, other.in_one_place),
        )

    def __or__(self, other: "Counts") -> "Counts":
        """Return the larger of each number."""
        return Counts(
            max(self.depth, other.depth),
            max(self.nesting, other.nesting),
            max(self.fields, other.fields),
            max(self.aliases, other.aliases),
            max(self.directives, other.directives),
            max(self.in_one_place, other.in_one_place),
        )


_NOTHING: Final = Counts()


def check_counts(document: DocumentNode, limits: Limits) -> None:
    """Check a document, and each of its operations and fragments, against the limits.

    Raises:
        core.errors.AllowanceError: A limit is passed; the error of the first of them.
    """
    operations = sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions)
    if operations > OPERATIONS:
        raise TooManyOperations(f"The document has {operations} operations; {OPERATIONS} are allowed.")
    counts = count(document)
    if counts.depth > limits.depth:
        raise TooDeep(f"The document is {_shown(counts.depth)} fields deep; {limits.depth} are allowed.")
    if counts.nesting > NESTING:
        raise TooDeep(
            f"The document has {_shown(counts.nesting)} selections and fragments in each other; {NESTING} are allowed."
        )
    if counts.aliases > limits.aliases:
        raise TooManyAliases(
            f"With its fragments written out the document has {_shown(counts.aliases)} aliases; "
            f"{limits.aliases} are allowed."
        )
    if counts.in_one_place > DIRECTIVES_IN_ONE_PLACE:
        raise TooManyDirectives(
            f"The document has {counts.in_one_place} directives in one place; {DIRECTIVES_IN_ONE_PLACE} are allowed."
        )
    if counts.directives > limits.directives:
        raise TooManyDirectives(
            f"With its fragments written out the document has {_shown(counts.directives)} directives; "
            f"{limits.directives} are allowed."
        )
    if counts.fields > limits.fields:
        raise TooManyFields(
            f"With its fragments written out the document has {_shown(counts.fields)} fields; "
            f"{limits.fields} are allowed."
        )


def count(document: DocumentNode) -> Counts:
    """Return the largest of each number among the operations and fragments of a document.

    Each selection is visited once. Fragments that form a circle, which validation refuses, count once each.
    """
    fragments: dict[str, Counts] = {}
    largest = _NOTHING
    for fragment in fragments_in_order(document):
        own = _of_definition(fragment, fragments)
        fragments[fragment.name.value] = own
        largest |= own
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            largest |= _of_definition(operation, fragments)
    return largest


def _of_definition(
    definition: OperationDefinitionNode | FragmentDefinitionNode, fragments: Mapping[str, Counts]
) -> Counts:
    counts = _directives(definition.directives) + _of_selections(definition.selection_set, fragments)
    for variable in definition.variable_definitions or ():
        counts += _directives(variable.directives)
    return counts


def _of_selections(selection_set: SelectionSetNode, fragments: Mapping[str, Counts]) -> Counts:
    """Count a selection set. Inline fragments are walked in a loop, so that only nested fields recurse."""
    depth = nesting = fields = aliases = directives = in_one_place = 0
    rest = [(selection_set, 1)]
    while rest:
        selections, level = rest.pop()
        nesting = max(nesting, level)
        for selection in selections.selections:
            here = len(selection.directives or ())
            directives += here
            in_one_place = max(in_one_place, here)
            inner = _NOTHING
            if isinstance(selection, InlineFragmentNode):
                rest.append((selection.selection_set, level + 1))
            elif isinstance(selection, FragmentSpreadNode):
                inner = fragments.get(selection.name.value, _NOTHING)
                depth = max(depth, inner.depth)
            elif isinstance(selection, FieldNode):
                if selection.selection_set:
                    inner = _of_selections(selection.selection_set, fragments)
                depth = max(depth, inner.depth + 1)
                fields += 1
                aliases += selection.alias is not None
            nesting = max(nesting, level + inner.nesting)
            fields += inner.fields
            aliases += inner.aliases
            directives += inner.directives
            in_one_place = max(in_one_place, inner.in_one_place)
    return Counts(depth, nesting, min(fields, MANY), min(aliases, MANY), min(directives, MANY), in_one_place)


def _directives(directives: Iterable[object] | None) -> Counts:
    here = len(tuple(directives or ()))
    return Counts(directives=here, in_one_place=here)


def _shown(number: int) -> str:
    return str(number) if number < MANY else f"{MANY} or more"
