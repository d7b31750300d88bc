"""Preparation of documents: parsed, validated and planned once, and cached by their text."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final

from graphql import GraphQLError, OperationDefinitionNode, OperationType

from api.graphql.limits.check import CheckedDocument, check_document
from api.graphql.limits.limits import Limits
from api.graphql.operations.plan import AnswerPlan, Planner
from api.graphql.schema.build import schema
from api.graphql.shared_cache import SharedCache
from core.errors import BadInput

MOST_BYTES: Final = 2**26
"""Bytes of the cached documents, about; the least recently used are dropped."""
_PARSED: Final = 600
_PLANNED: Final = 700
"""Bytes of a token of a parsed document, and of its plan, at the most, as tracemalloc shows of nested short fields."""
_SMALLEST: Final = 10_000
"""Bytes of any document."""


class DocumentRefused(Exception):
    """The errors of a document that is not valid, each with a code."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        """Refuse a document."""
        super().__init__("refused")
        self.errors = errors


class BadOperation(BadInput):
    """An operation that the document does not have, or several operations of which none is named."""

    code = "BAD_REQUEST"


@dataclass(frozen=True)
class Operation:
    """An operation of a prepared document."""

    definition: OperationDefinitionNode
    planner: Planner

    @property
    def kind(self) -> OperationType:
        """Its kind: query, mutation or subscription."""
        return self.definition.operation

    @cached_property
    def plan(self) -> AnswerPlan | None:
        """Its plan, made when it is first used; None if graphql-core has to execute it."""
        return self.planner.plan(self.definition)


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document within its limits, with its operations by name."""

    checked: CheckedDocument
    operations: Mapping[str | None, Operation]
    size: int
    """Bytes at the most, about. Each operation may be planned with all of the fragments."""

    def operation(self, name: str | None) -> Operation:
        """Return the operation of that name, or the only one for None.

        Raises:
            BadOperation: There is no such operation, or no name although there are several.
        """
        if name is None and len(self.operations) > 1:
            raise BadOperation("The document has several operations: name one with `operationName`.")
        operation = next(iter(self.operations.values()), None) if name is None else self.operations.get(name)
        if operation is None:
            raise BadOperation("`operationName` names no operation of the document.")
        return operation


class Preparer:
    """A cache of documents that were prepared within limits. Thread-safe."""

    def __init__(self, limits: Limits, share: int = MOST_BYTES) -> None:
        """Start with an empty cache.

        Args:
            limits: The limits of a document.
            share: Bytes of the documents of one API key.
        """
        self._limits = limits
        self._cached: SharedCache[str, PreparedDocument] = SharedCache(
            MOST_BYTES, share, lambda document: document.size
        )
        self._lock = Lock()

    def prepare(self, text: str, key_id: str = "") -> PreparedDocument:
        """Return the prepared document of a text.

        Args:
            text: The document.
            key_id: The id of the API key that sent it.

        Raises:
            DocumentRefused: The document is not valid.
            core.errors.AllowanceError: A limit is passed: one of the errors of :mod:`api.graphql.limits.limits`.
        """
        document = self.recall(text)
        if document is None:
            document = self._prepare(text)
            with self._lock:
                self._cached.put(text, document, key_id)
        return document

    def recall(self, text: str) -> PreparedDocument | None:
        """Return the prepared document of a text if it is cached, else None."""
        with self._lock:
            return self._cached.get(text)

    def _prepare(self, text: str) -> PreparedDocument:
        checked = check_document(schema.graphql, text, self._limits)
        if not isinstance(checked, CheckedDocument):
            raise DocumentRefused(checked)
        document = checked.document
        planner = Planner(document)
        operations = {
            node.name.value if node.name else None: Operation(node, planner)
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        # Memory is counted by tokens, as short names take as much of it as long ones.
        size = sys.getsizeof(text) + _SMALLEST + checked.tokens * (_PARSED + _PLANNED * len(operations))
        return PreparedDocument(checked, operations, size)
