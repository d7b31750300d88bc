"""Operations run for a caller, over HTTP and over whatever stays open: within the limits, and counted."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from graphql import GraphQLError
from opentelemetry.trace import SpanKind, get_current_span

from api.graphql.context import Context, Services
from api.graphql.errors import present_error
from api.graphql.limits.check import cost_report
from api.graphql.limits.deadline import DeadlineExceeded, timeout_error
from api.graphql.limits.limits import limits_from
from api.graphql.operations.execute import OperationCall, execute
from api.graphql.operations.persisted import Documents, load_trusted
from api.graphql.operations.prepare import DocumentRefused, Preparer
from api.graphql.operations.request import Request
from api.metrics import EXECUTED, Metrics, OperationLabels
from core.access.keys import Caller
from core.access.rate_limit import RateLimit
from core.errors import RateLimited
from core.tracing import Tracing


@dataclass(frozen=True, slots=True)
class OperationResult:
    """An answer, with the versions of the licenses that it shows, and as what it is counted.

    It stays as it is while they do, until `expires_at` in seconds since 1970; 0 where it shows something else too.
    """

    answer: dict[str, Any]
    operation: OperationLabels
    versions: Mapping[int, int]
    expires_at: float = 0


class Operations:
    """Runs operations, each in the calling thread and with sessions of its own."""

    def __init__(self, services: Services, tracing: Tracing, metrics: Metrics) -> None:
        """Run operations with the services that resolvers use, within the limits of their settings."""
        settings = services.settings
        self._services = services
        self._tracing = tracing
        self._metrics = metrics
        self._limits = limits_from(settings)
        self._preparer = Preparer(self._limits)
        self._documents = Documents(load_trusted(settings.trusted_documents) if settings.trusted_documents else None)
        self._rate = RateLimit(settings.graphql_operations_per_second, settings.graphql_operations_per_second)

    def admit(self, caller: Caller) -> None:
        """Raise :class:`RateLimited` where the caller asks more often than it may."""
        if wait := self._rate.take(caller.key_id):
            raise RateLimited("This key asks more often than it may.", wait)

    def prepare(self, request: Request) -> OperationCall:
        """What a request asks for.

        Raises :class:`api.graphql.operations.prepare.DocumentRefused` and
        :class:`api.graphql.operations.prepare.BadOperation`.
        """
        text = self._documents.text(request.query, request.digest)
        prepared = self._preparer.prepare(text)
        self._documents.keep(text, request.digest)
        return OperationCall(prepared, prepared.operation(request.name), request.variables)

    def answer_refused(self, refused: DocumentRefused, trace: str) -> OperationResult:
        """The answer to a document that cannot be result."""
        answer = {"errors": [present_error(error, trace) for error in refused.errors]}
        return self._count(OperationResult(answer, self._metrics.operation(None, "refused"), {}))

    def run(self, call: OperationCall, caller: Caller, trace: str) -> OperationResult:
        """Execute it; of a subscription, what it answers now. Raises :class:`api.graphql.limits.limits.TooCostly`."""
        seconds = self._services.settings.graphql_max_seconds
        context = Context(self._services, caller, datetime.now(UTC), monotonic() + seconds, trace)
        operation = self._metrics.operation(call.name, call.operation.kind.value)
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
        return self._count(OperationResult(answer, operation, context.versions, expires_at))

    def answer_failed(self, error: Exception, trace: str) -> dict[str, Any]:
        """The error of what was not result, as a caller gets it. What a fault was goes to the log."""
        shown = present_error(GraphQLError("", original_error=error), trace)
        self._metrics.count_errors({"errors": [shown]})
        return shown

    def _span(self, operation: OperationLabels) -> AbstractContextManager[object]:
        """A span, unless the request that asks for the operation is one."""
        if not self._tracing.is_on or get_current_span().get_span_context().is_valid:
            return nullcontext()
        return self._tracing.tracer.start_as_current_span(f"{operation.kind} {operation.name}", kind=SpanKind.SERVER)

    def _count(self, result: OperationResult) -> OperationResult:
        self._metrics.count(result.operation, EXECUTED)
        self._metrics.count_errors(result.answer)
        return result
