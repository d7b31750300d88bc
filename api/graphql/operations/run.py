"""Operations of callers, over HTTP and WebSocket: within the limits, and counted."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError
from opentelemetry.trace import SpanKind, get_current_span

from api.concurrency.deadline import Deadline, DeadlineExceeded
from api.graphql.context import AllLicenses, Context, Services
from api.graphql.errors import present_error
from api.graphql.limits.check import cost_report
from api.graphql.limits.deadline import timeout_error
from api.graphql.limits.limits import limits_from
from api.graphql.limits.values import require_few_values
from api.graphql.operations.execute import OperationCall, execute
from api.graphql.operations.persisted import Documents, load_trusted
from api.graphql.operations.prepare import DocumentRefused, PreparedDocument, Preparer
from api.graphql.operations.request import Request
from api.metrics import EXECUTED, Metrics, OperationLabels
from core.access.keys import Caller
from core.access.rate_limit import RateLimit
from core.errors import RateLimited
from core.languages.negotiation import Languages, Negotiator
from core.tracing import Tracing


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The answer of an operation, with what decides how long it may be cached."""

    answer: dict[str, Any]
    operation: OperationLabels
    versions: Mapping[int, int]
    """Versions of the licenses that it shows, by the licenses' ids."""
    expires_at: float = 0
    """Seconds since 1970 until which it is valid while the versions stay; 0 if it shows anything else."""
    follows: AllLicenses | None = None
    """The licenses that a subscription to all licenses follows; None for all other operations."""


class Operations:
    """The operations of one process, each executed in the calling thread with sessions of its own."""

    def __init__(self, services: Services, tracing: Tracing, metrics: Metrics) -> None:
        """Run operations with the services that resolvers use, within the limits of their settings."""
        settings = services.settings
        self.negotiator = Negotiator(services.registry.languages)
        self._services = services
        self._tracing = tracing
        self._metrics = metrics
        self._limits = limits_from(settings)
        share = settings.cache_per_key_mb * 2**20
        self._preparer = Preparer(self._limits, share)
        trusted = load_trusted(settings.trusted_documents) if settings.trusted_documents else None
        self._documents = Documents(trusted, share)
        self._rate = RateLimit(settings.graphql_operations_per_second, settings.graphql_operations_per_second)

    def admit(self, caller: Caller) -> None:
        """Raise :class:`core.errors.RateLimited` if the caller's key sends too many operations a second."""
        if wait := self._rate.take(caller.key_id):
            raise RateLimited("This key asks more often than it may.", wait)

    def prepare(self, request: Request, languages: Languages, caller: Caller) -> OperationCall:
        """Return the operation that a request names, ready to run and to be answered in the languages.

        Raises:
            api.graphql.operations.prepare.DocumentRefused: The document is not valid.
            core.errors.AllowanceError: The document is not known, passes a limit, or has no such operation.
        """
        require_few_values(request.variables, self._limits.values)
        text = self._documents.text(request.query, request.digest, is_own=request.is_own)
        prepared = self._preparer.prepare(text, caller.key_id)
        self._documents.keep(text, request.digest, caller.key_id)
        return _call(prepared, request, languages)

    def recall(self, request: Request, languages: Languages, caller: Caller) -> OperationCall | None:
        """Return the operation that a request names if its document is prepared already, else None.

        Raises:
            core.errors.AllowanceError: No document has the digest of the request, it has no such operation, or the
                variables have too many values.
        """
        require_few_values(request.variables, self._limits.values)
        text = self._documents.text(request.query, request.digest, is_own=request.is_own)
        prepared = self._preparer.recall(text)
        if prepared is None:
            return None
        self._documents.keep(text, request.digest, caller.key_id)
        return _call(prepared, request, languages)

    def answer_refused(self, refused: DocumentRefused, trace: str) -> OperationResult:
        """Return the answer to a document that is not valid."""
        answer = {"errors": [present_error(error, trace) for error in refused.errors]}
        return self._count(OperationResult(answer, self._metrics.operation(None, "refused", ""), {}))

    def run(
        self, call: OperationCall, caller: Caller, trace: str, deadline: Deadline, changed: int | None = None
    ) -> OperationResult:
        """Execute an operation; a subscription once, as a query.

        Args:
            call: The operation.
            caller: The caller.
            trace: The id of the trace, for errors and the log.
            deadline: The deadline, which begins now.
            changed: The id of the license that a subscription to all licenses sends; None for another operation, and
                for the license that changed last.

        Raises:
            api.graphql.limits.limits.TooCostly: The operation costs too much.
        """
        seconds = self._services.settings.graphql_max_seconds
        deadline.begin(seconds)
        context = Context(self._services, caller, datetime.now(UTC), deadline, trace, call.languages, changed)
        operation = self._metrics.operation(call.name, call.operation.kind.value, caller.key_id)
        report = cost_report(call.cost, self._limits)
        try:
            with self._span(operation), self._metrics.timed(operation):
                answer = execute(call, context, self._metrics.count_fallback)
            if "data" in answer:
                answer["extensions"] = report
        except DeadlineExceeded:
            answer = {"data": None, "errors": [timeout_error(seconds, trace)]}
        finally:
            context.close()
        cacheable = call.reads and context.is_cacheable and "errors" not in answer
        expires_at = context.expires_at.timestamp() if cacheable else 0
        return self._count(OperationResult(answer, operation, context.versions, expires_at, context.follows))

    def answer_failed(self, error: Exception, trace: str) -> dict[str, Any]:
        """Return an error of a request, as its caller gets it; a fault is logged."""
        shown = present_error(GraphQLError("", original_error=error), trace)
        self._metrics.count_errors({"errors": [shown]})
        return shown

    def _span(self, operation: OperationLabels) -> AbstractContextManager[object]:
        """Return a span for an operation, unless its request has a span already."""
        if not self._tracing.is_on or get_current_span().get_span_context().is_valid:
            return nullcontext()
        return self._tracing.tracer.start_as_current_span(f"{operation.kind} {operation.name}", kind=SpanKind.SERVER)

    def _count(self, result: OperationResult) -> OperationResult:
        """Count an executed operation and its errors, and return its result."""
        self._metrics.count(result.operation, EXECUTED)
        self._metrics.count_errors(result.answer)
        return result


def _call(prepared: PreparedDocument, request: Request, languages: Languages) -> OperationCall:
    return OperationCall(prepared, prepared.operation(request.name), request.variables, languages)
