"""Spans of OpenTelemetry, sent to a collector where the settings name one; where they name none, nothing is done."""

from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, SpanKind, Status, StatusCode, Tracer
from sqlalchemy import Connection, Engine, ExceptionContext, event

from core.errors import BadSetting
from core.settings import Settings

_SPAN: Final = "span"


class Tracing:
    """What makes spans, for one process. Raises :class:`BadSetting` where it is asked for and not installed."""

    def __init__(self, settings: Settings) -> None:
        self._provider = _provider(settings.otlp_url) if settings.otlp_url else None
        self.tracer: Final[Tracer] = self._provider.get_tracer("allowance") if self._provider else NoOpTracer()

    @property
    def is_on(self) -> bool:
        return self._provider is not None

    def trace_statements(self, engine: Engine) -> None:
        """Have a span for each statement that is sent over an engine."""
        if self.is_on:
            event.listen(engine, "before_cursor_execute", self._begin)
            event.listen(engine, "after_cursor_execute", self._end)
            event.listen(engine, "handle_error", _fail)

    def _begin(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        name = statement.split(maxsplit=1)[0].upper() if statement.strip() else "statement"
        # The names of OpenTelemetry's conventions for databases; parameters are nobody's business.
        attributes = {"db.system.name": connection.dialect.name, "db.query.text": statement, "db.operation.name": name}
        span = self.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        connection.info.setdefault(_SPAN, []).append(span)

    def _end(self, connection: Connection, *_: object) -> None:
        connection.info[_SPAN].pop().end()

    def close(self) -> None:
        """Send what was not sent yet."""
        if self._provider:
            self._provider.shutdown()


def _fail(context: ExceptionContext) -> None:
    spans = context.connection.info.get(_SPAN) if context.connection else None
    if spans:
        span: trace.Span = spans.pop()
        span.set_status(Status(StatusCode.ERROR, type(context.original_exception).__name__))
        span.end()


def _provider(url: str) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise BadSetting(
            "ALLOWANCE_OTLP_URL: what sends traces is not installed; install the application with its extra "
            "`tracing`, as in: pip install -e '.[tracing]'."
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "allowance"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces")))
    return provider
