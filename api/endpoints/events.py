"""``POST /events``: CloudEvents 1.0 over HTTP in structured, batch and binary mode, or as JSON lines.

The modes are those of the CloudEvents HTTP protocol binding 1.0.2, sections 3.1 to 3.3; JSON lines are an addition.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import unquote

import orjson
from starlette import types as asgi
from starlette.datastructures import Headers

from api.concurrency.body_budget import BodyBudget
from api.concurrency.thread_results import ThreadResults
from api.http.asgi import address_of, header, read_small_body, send_json
from api.http.bodies import read_body
from api.http.callers import find_caller
from core.access.authenticator import Authenticator
from core.access.keys import Caller, Scope
from core.errors import BadInput
from core.plugins.registry import Registry
from core.settings import Settings
from core.usage.committer import Committer
from core.usage.events import check_cloudevents
from core.usage.exact_json import NotJson, read_json
from core.usage.ingest import Ingestion, ingest
from core.usage.json_values import split_json
from core.usage.record_result import RecordResult
from core.usage.unreadable import UnreadableEvent, read_event

SMALL: Final = 16_384
"""Bytes of a body that is checked on the event loop. A larger body is checked in a thread, so that no other request
waits for it."""
LINES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "time")
_ESCAPED: Final = re.compile(r"\\(.)")


class NoEvents(BadInput):
    """A request that holds nothing that can be read as events."""

    code = "NO_EVENTS"


class EventsEndpoint:
    """The endpoint of usage events: 200 with the outcome of each event, once the accepted events are committed."""

    def __init__(
        self, authenticator: Authenticator, committer: Committer, registry: Registry, settings: Settings
    ) -> None:
        """Check events against the meters of a registry, and hand them to `committer`."""
        self._authenticator = authenticator
        self._committer = committer
        self._registry = registry
        self._settings = settings
        self._budget = BodyBudget(4 * settings.max_body_bytes)
        self._results = ThreadResults[RecordResult]()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Serve one request."""
        # The token comes first: nobody without one makes this read a body.
        caller = await find_caller(self._authenticator, header(scope, b"authorization"), address_of(scope))
        caller.require(Scope.USAGE_WRITE)
        ingestion = await self._receive(scope, receive, caller)
        recorded = ingestion.result_with(await self._results.of(ingestion.recording))
        await send_json(send, 200, orjson.dumps(as_json(recorded)))

    async def _receive(self, scope: asgi.Scope, receive: asgi.Receive, caller: Caller) -> Ingestion:
        """Read and check the events of a request, and submit them.

        Raises:
            core.errors.Overloaded: Too much is read, or waits to be committed.
        """
        self._committer.require_room(caller.account)
        headers = Headers(scope=scope)
        most = self._settings.max_body_bytes
        body = await read_small_body(scope, receive, min(SMALL, most))
        if isinstance(body, bytes):
            return self._ingest(headers, body, caller)
        with self._budget.body(caller.account) as grow:
            unpacked = await read_body(body, most, grow)
            if len(unpacked) <= SMALL:
                return self._ingest(headers, unpacked, caller)
            return await self._budget.in_thread(caller.account, partial(self._ingest, headers, unpacked, caller))

    def _ingest(self, headers: Mapping[str, str], body: bytes, caller: Caller) -> Ingestion:
        self._committer.require_room(caller.account)  # again, since other requests came while this body was read
        messages = read_messages(headers, body)
        return ingest(
            caller,
            messages,
            datetime.now(UTC),
            check=check_cloudevents,
            registry=self._registry,
            settings=self._settings,
            committer=self._committer,
        )


def read_messages(headers: Mapping[str, str], body: bytes) -> list[object]:
    """Return the CloudEvents of a request, each as the JSON value that was sent.

    A body of plain `application/json` may be an event or a list of events.

    Raises:
        NoEvents: The content type or the body holds no events.
    """
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in headers and not content_type.startswith("application/cloudevents"):
        return [_binary_event(headers, body)]
    if content_type in LINES:
        return [read_event(line) for line in body.splitlines() if line.strip()]
    if content_type not in ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json"):
        raise NoEvents(
            "Send CloudEvents 1.0: Content-Type application/cloudevents+json, application/cloudevents-batch+json, "
            "application/x-ndjson for one a line, or the attributes in ce- headers."
        )
    content = _content(body)
    batch = isinstance(content, list)
    if content_type == "application/cloudevents-batch+json" and not batch:
        raise NoEvents("A batch must be a JSON list of events.")
    if content_type == "application/cloudevents+json" and batch:
        raise NoEvents("A list of events is sent as application/cloudevents-batch+json.")
    if not batch and not isinstance(content, dict | UnreadableEvent):
        raise NoEvents("The body must be a JSON object, or a list of them.")
    return content if batch else [content]


def _content(body: bytes) -> Any:
    """Return the event or the list of events of a body.

    If the body is not JSON, the body is split, so that an unreadable event costs no other.

    Raises:
        NoEvents: The body cannot even be split into events.
    """
    try:
        return read_json(body)
    except NotJson as error:
        reason = error
    try:
        split = split_json(body)
    except NotJson:
        split = []
    events = [read_event(event) for event in split]
    if body.lstrip().startswith(b"[") and events:
        return events
    if len(events) == 1:
        return events[0]
    raise NoEvents(f"The body is not JSON: {reason}.")


def as_json(recorded: RecordResult) -> dict[str, object]:
    """Return the outcome of each event, with the fields of RecordUsageResult in the GraphQL schema."""
    return {
        "accepted": recorded.accepted,
        "duplicates": recorded.duplicates,
        "rejected": [
            {"index": event.index, "id": event.id, "code": event.code, "message": event.message}
            for event in recorded.rejected
        ],
    }


def _binary_event(headers: Mapping[str, str], body: bytes) -> object:
    message: dict[str, object] = {}
    unreadable = []
    for name in ATTRIBUTES:
        value = headers.get(f"ce-{name}")
        if value is not None:
            try:
                message[name] = _decode(value)
            except UnicodeDecodeError:
                unreadable.append(name)
    if unreadable:
        names = ", ".join(f"ce-{name}" for name in unreadable)
        identifier = message.get("id")
        return UnreadableEvent(
            identifier if isinstance(identifier, str) else None,
            "BAD_FIELD",
            f"{names} must be UTF-8 in percent-encoding, as %C3%A9 for \u00e9.",
        )
    if body:
        try:
            message["data"] = read_json(body)
        except NotJson:
            message["data"] = "not JSON"
    return message


def _decode(value: str) -> str:
    """Return the text of a header, which is percent-encoded UTF-8 (section 3.1.3.2).

    Older senders write a quoted string instead, and some send the characters unencoded.

    Raises:
        UnicodeDecodeError: The percent-encoded bytes are not UTF-8. Two such texts must not become equal.
    """
    with suppress(UnicodeDecodeError):
        value = value.encode("latin-1").decode()  # Starlette reads headers as Latin-1
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    return unquote(value, errors="strict")
