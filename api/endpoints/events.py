"""``POST /events``: CloudEvents 1.0 over HTTP in structured, batch and binary mode, or one a line.

The modes are those of the CloudEvents HTTP protocol binding 1.0.2, sections 3.1 to 3.3; lines are ours.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final
from urllib.parse import unquote

import orjson
from starlette import types as asgi
from starlette.datastructures import Headers

from api.concurrency.body_budget import BodyBudget
from api.concurrency.thread_results import ThreadResults
from api.http.asgi import header, in_one_piece, send_json
from api.http.bodies import error_response, read_body
from api.http.callers import caller_of
from core.access.keys import Caller, Scope
from core.errors import AllowanceError, BadInput
from core.runtime import Runtime
from core.usage.events import check_cloudevents
from core.usage.ingest import Ingestion, ingest
from core.usage.record import Recorded

SMALL: Final = 16_384
"""Bytes of a body that is read and checked at once; a larger one in a thread, so that nobody waits for it."""
LINES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "time")
_ESCAPED: Final = re.compile(r"\\(.)")


class NoEvents(BadInput):
    """The request holds nothing that can be read as events."""

    code = "NO_EVENTS"


class EventsEndpoint:
    """Answers what became of each event; 200 once what was accepted is committed.

    It is an ASGI application, see :mod:`api.http.asgi`: events may come one by one.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._intake = BodyBudget(4 * runtime.settings.max_body_bytes)
        self._arrivals = ThreadResults[Recorded]()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        try:
            # First the token: nobody else makes this read a body.
            caller = await caller_of(self._runtime.authenticator, header(scope, b"authorization"))
            caller.require(Scope.USAGE_WRITE)
            taken = await self._received(scope, receive, caller)
            recorded = taken.joined(await self._arrivals.of(taken.underway))
        except AllowanceError as error:
            await error_response(error)(scope, receive, send)
            return
        await send_json(send, 200, orjson.dumps(as_json(recorded)))

    async def _received(self, scope: asgi.Scope, receive: asgi.Receive, caller: Caller) -> Ingestion:
        """The events of a request, checked and on their way. Raises :class:`core.errors.Overloaded`."""
        self._runtime.committer.require_room()
        headers = Headers(scope=scope)
        body = await in_one_piece(scope, receive, min(SMALL, self._runtime.settings.max_body_bytes))
        if isinstance(body, bytes):
            return self._take(headers, body, caller)
        with self._intake.body() as grow:
            unpacked = await read_body(body, self._runtime.settings.max_body_bytes, grow)
            take = partial(self._take, headers, unpacked, caller)
            return take() if len(unpacked) <= SMALL else await self._intake.in_thread(take)

    def _take(self, headers: Mapping[str, str], body: bytes, caller: Caller) -> Ingestion:
        self._runtime.committer.require_room()  # asked again, since others came meanwhile and a check takes long
        messages = read_messages(headers, body)
        return ingest(
            caller,
            messages,
            datetime.now(UTC),
            check=check_cloudevents,
            registry=self._runtime.registry,
            settings=self._runtime.settings,
            committer=self._runtime.committer,
        )


def read_messages(headers: Mapping[str, str], body: bytes) -> list[object]:
    """The CloudEvents of a request, as JSON objects. Raises :class:`NoEvents` where there are none to read.

    Plain JSON is taken by its shape: one event or a list of them.
    """
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in headers and not content_type.startswith("application/cloudevents"):
        return [_binary(headers, body)]
    if content_type in LINES:
        return [_line(line) for line in body.splitlines() if line.strip()]
    if content_type not in ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json"):
        raise NoEvents(
            "Send CloudEvents 1.0: Content-Type application/cloudevents+json, application/cloudevents-batch+json, "
            "application/x-ndjson for one a line, or the attributes in ce- headers."
        )
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NoEvents(f"The body is not JSON: {error}.") from None
    batch = isinstance(content, list)
    if content_type == "application/cloudevents-batch+json" and not batch:
        raise NoEvents("A batch must be a JSON list of events.")
    if content_type == "application/cloudevents+json" and batch:
        raise NoEvents("A list of events is sent as application/cloudevents-batch+json.")
    if not batch and not isinstance(content, dict):
        raise NoEvents("The body must be a JSON object, or a list of them.")
    return content if batch else [content]


def _line(line: bytes) -> object:
    """The event of a line. What is no JSON is no event, and is reported as the one that it should have been."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def as_json(recorded: Recorded) -> dict[str, object]:
    """What became of the events, as RecordUsageResult of the GraphQL schema."""
    return {
        "accepted": recorded.accepted,
        "duplicates": recorded.duplicates,
        "rejected": [
            {"index": one.index, "id": one.id, "code": one.code, "message": one.message} for one in recorded.rejected
        ],
    }


def _binary(headers: Mapping[str, str], body: bytes) -> dict[str, object]:
    message: dict[str, object] = {}
    for name in ATTRIBUTES:
        value = headers.get(f"ce-{name}")
        if value is not None:
            message[name] = _decoded(value)
    if body:
        try:
            message["data"] = orjson.loads(body)
        except orjson.JSONDecodeError:
            message["data"] = "not JSON"
    return message


def _decoded(value: str) -> str:
    """The text of a header, which is percent-encoded UTF-8 (section 3.1.3.2).

    Older senders quote instead, and some send the characters as they are.
    """
    with suppress(UnicodeDecodeError):
        value = value.encode("latin-1").decode()  # Starlette reads headers as Latin-1
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value
