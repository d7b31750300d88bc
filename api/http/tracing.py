"""The trace that a request belongs to, as W3C Trace Context has it."""

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
    """The caller's span, to be the parent of ours; nothing where it names none."""
    names = ("traceparent", "tracestate")
    carried = {name: found for name in names if (found := header(scope, name.encode())) is not None}
    return TraceContextTextMapPropagator().extract(carried)


def trace_id(scope: Scope) -> str:
    """The id of the trace: of the present span, or the caller's, or a new one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return trace.format_trace_id(span.trace_id)
    found = _PARENT.fullmatch(header(scope, b"traceparent") or "")
    return found[1] if found and found[1] != _NONE else secrets.token_hex(16)


def trace_header(span: SpanContext) -> Header:
    """What tells the caller which span answered it (Trace Context Level 2, ``traceresponse``)."""
    flags = int(span.trace_flags & TraceFlags.SAMPLED)
    ids = f"{trace.format_trace_id(span.trace_id)}-{trace.format_span_id(span.span_id)}"
    return b"traceresponse", f"00-{ids}-{flags:02x}".encode()
