"""Traces: spans that are sent to an OpenTelemetry collector if the settings name one."""

from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, SpanKind, Status, StatusCode, Tracer
from sqlalchemy import Connection, Engine, ExceptionContext, event

from core.errors import BadSetting
from core.settings import Settings

_SPAN: Final = "span"


class Tracing:
    """The tracer of a process. Without a collector it makes no spans."""

    def __init__(self, settings: Settings) -> None:
        """Connect to the collector. Raises :class:`BadSetting` if OpenTelemetry's SDK is not installed."""
        self._provider = _provider(settings.otlp_url) if settings.otlp_url else None
        self.tracer: Final[Tracer] = self._provider.get_tracer("allowance") if self._provider else NoOpTracer()

    @property
    def is_on(self) -> bool:
        """True if spans are made."""
        return self._provider is not None

    def trace_statements(self, engine: Engine) -> None:
        """Make a span of each statement that an engine executes."""
        if self.is_on:
            event.listen(engine, "before_cursor_execute", self._begin)
            event.listen(engine, "after_cursor_execute", self._end)
            event.listen(engine, "handle_error", _fail)

    def _begin(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        name = statement.split(maxsplit=1)[0].upper() if statement.strip() else "statement"
        # Names by OpenTelemetry's conventions for databases. Parameters may be private, so they are left out.
        attributes = {"db.system.name": connection.dialect.name, "db.query.text": statement, "db.operation.name": name}
        span = self.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        connection.info.setdefault(_SPAN, []).append(span)

    def _end(self, connection: Connection, *_: object) -> None:
        connection.info[_SPAN].pop().end()

    def close(self) -> None:
        """Send the spans that were not sent yet, and end."""
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
            "ALLOWANCE_OTLP_URL: the exporter of traces is not installed. Install the application with its extra "
            "`tracing`: pip install -e '.[tracing]'."
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "allowance"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces")))
    return provider
