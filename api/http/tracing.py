"""The trace of a request, by W3C Trace Context."""

import re
import secrets
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from api.http.asgi import Header, header

_PARENT: Final = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_NONE: Final = "0" * 32


def parent_context(scope: Scope) -> Context:
    """Return the context of the caller's span, the parent of the request's span; empty if the caller sends none."""
    names = ("traceparent", "tracestate")
    headers = {name: value for name in names if (value := header(scope, name.encode())) is not None}
    return TraceContextTextMapPropagator().extract(headers)


def trace_id(scope: Scope) -> str:
    """Return the id of the trace: that of the present span, else the caller's, else a new one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return trace.format_trace_id(span.trace_id)
    parent = _PARENT.fullmatch(header(scope, b"traceparent") or "")
    return parent[1] if parent and parent[1] != _NONE else secrets.token_hex(16)


def trace_header(span: SpanContext) -> Header:
    """Return the header that names the span of the response (``traceresponse``, Trace Context Level 2)."""
    flags = int(span.trace_flags & TraceFlags.SAMPLED)
    ids = f"{trace.format_trace_id(span.trace_id)}-{trace.format_span_id(span.span_id)}"
    return b"traceresponse", f"00-{ids}-{flags:02x}".encode()
