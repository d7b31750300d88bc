"""Documents made ready to be executed: parsed, validated and planned once, and remembered by their text."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, parse, validate

from api.operations.plan import Plan, plan_operation
from api.schema.build import schema
from core.errors import BadInput

REMEMBERED: Final = 1000
"""Documents; the least recently used are forgotten first."""


class DocumentRefused(Exception):
    """A document that cannot be executed: `errors` say why, each with a code."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("refused")
        self.errors = errors


class BadOperation(BadInput):
    """An operation that is not in the document, or not named where it has to be."""

    code = "BAD_REQUEST"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a document. Without a `plan` it is executed step by step."""

    kind: OperationType
    definition: OperationDefinitionNode
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid document with its operations by name."""

    document: DocumentNode
    operations: Mapping[str | None, Operation]

    def operation(self, name: str | None) -> Operation:
        """The operation of that name, or the only one. Raises :class:`BadOperation`."""
        if name is None and len(self.operations) > 1:
            raise BadOperation("The document has several operations: name one with `operationName`.")
        found = next(iter(self.operations.values()), None) if name is None else self.operations.get(name)
        if found is None:
            raise BadOperation("`operationName` names no operation of the document.")
        return found


@lru_cache(maxsize=REMEMBERED)
def prepare(text: str) -> Prepared:
    """The document of a text. Raises :class:`DocumentRefused`."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise _refused("GRAPHQL_PARSE_FAILED", [error]) from None
    if errors := validate(schema.graphql, document):
        raise _refused("GRAPHQL_VALIDATION_FAILED", errors)
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return Prepared(
        document,
        {
            one.name.value if one.name else None: Operation(one.operation, one, plan_operation(document, one))
            for one in operations
        },
    )


def _refused(code: str, errors: list[GraphQLError]) -> DocumentRefused:
    for error in errors:
        error.extensions = {"code": code}
    return DocumentRefused(errors)
