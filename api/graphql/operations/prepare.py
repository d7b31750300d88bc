"""Documents made ready to be executed: parsed, validated and planned once, and remembered by their text."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final

from cachetools import LRUCache
from graphql import GraphQLError, OperationDefinitionNode, OperationType

from api.graphql.limits.check import CheckedDocument, check_document
from api.graphql.limits.limits import Limits
from api.graphql.operations.plan import Plan, Planner
from api.graphql.schema.build import schema
from core.errors import BadInput

MOST_CHARACTERS: Final = 2**20
"""Of the documents that are remembered, the least recently used forgotten first. Each takes some 60 bytes of memory."""
_SMALLEST: Final = 100


class DocumentRefused(Exception):
    """A document that cannot be executed: `errors` say why, each with a code."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("refused")
        self.errors = errors


class BadOperation(BadInput):
    """An operation that is not in the document, or not named where it has to be."""

    code = "BAD_REQUEST"


@dataclass(frozen=True)
class Operation:
    """An operation of a document."""

    definition: OperationDefinitionNode
    planner: Planner

    @property
    def kind(self) -> OperationType:
        return self.definition.operation

    @cached_property
    def plan(self) -> Plan | None:
        """Made when it is first asked for; without one the operation is executed step by step."""
        return self.planner.plan(self.definition)


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document within its limits, with its operations by name."""

    checked: CheckedDocument
    operations: Mapping[str | None, Operation]
    size: int
    """Characters of its text, for each of its operations, since each may be planned with all of the fragments."""

    def operation(self, name: str | None) -> Operation:
        """The operation of that name, or the only one. Raises :class:`BadOperation`."""
        if name is None and len(self.operations) > 1:
            raise BadOperation("The document has several operations: name one with `operationName`.")
        found = next(iter(self.operations.values()), None) if name is None else self.operations.get(name)
        if found is None:
            raise BadOperation("`operationName` names no operation of the document.")
        return found


class Preparer:
    """Prepares documents within what is allowed. Thread-safe."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._remembered: LRUCache[str, PreparedDocument] = LRUCache(MOST_CHARACTERS, lambda one: one.size)
        self._lock = Lock()

    def prepare(self, text: str) -> PreparedDocument:
        """The document of a text.

        Raises :class:`DocumentRefused`, and the errors of :mod:`api.graphql.limits.limits`.
        """
        with self._lock:
            found = self._remembered.get(text)
        if found is None:
            found = self._prepare(text)
            if found.size <= MOST_CHARACTERS:
                with self._lock:
                    self._remembered[text] = found
        return found

    def _prepare(self, text: str) -> PreparedDocument:
        checked = check_document(schema.graphql, text, self._limits)
        if not isinstance(checked, CheckedDocument):
            raise DocumentRefused(checked)
        document = checked.document
        planner = Planner(document)
        operations = {
            one.name.value if one.name else None: Operation(one, planner)
            for one in document.definitions
            if isinstance(one, OperationDefinitionNode)
        }
        return PreparedDocument(checked, operations, (len(text) + _SMALLEST) * max(1, len(operations)))
