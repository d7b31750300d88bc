"""Usage events from outside: read from CloudEvents or GraphQL, checked one by one. Pure."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
from allowance import EventType

from core.nearest import did_you_mean
from core.text import problem_with, shown
from core.times import NotAnInstant, parse_instant
from core.usage.amount import NotAnAmount, split

LONGEST_ID: Final = 200
LONGEST_NAME: Final = 200
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_DATA_FIELDS: Final = frozenset({"quantity", "value", "entity", "dimensions"})


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """A checked usage event. `dimensions` is canonical JSON; `digest` tells a retry from another event."""

    index: int
    license: str
    source: str
    id: str
    type: str
    kind: str
    time: datetime
    entity: str
    dimensions: str
    whole: int
    nanos: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """An event that was not taken, by its place in the request."""

    index: int
    id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What events are held against: the types known, the clock, and which licenses the caller may write."""

    event_types: Mapping[str, EventType]
    now: datetime
    window: timedelta | None
    """How old an event may be; None for a backfill, which takes any age."""
    tolerance: timedelta
    may_write: Callable[[str], bool]


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_events(raws: Iterable[object], rules: Rules) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    """Check each raw event on its own.

    A raw event is a mapping of ``id``, ``source``, ``type``, ``license``, ``time``, ``quantity``, ``value``,
    ``entity`` and ``dimensions``, see :func:`from_cloudevent`.
    """
    events: list[UsageEvent] = []
    rejected: list[RejectedEvent] = []
    for index, raw in enumerate(raws):
        try:
            events.append(_check(index, raw, rules))
        except _Refused as refused:
            identifier = raw.get("id") if isinstance(raw, Mapping) else None
            shown_id = None if problem_with(identifier, LONGEST_ID) else str(identifier)
            rejected.append(RejectedEvent(index, shown_id, refused.code, refused.message))
    return events, rejected


def from_cloudevent(message: object) -> object:
    """The raw event in a CloudEvents 1.0 JSON object: `subject` is the license, `data` holds the rest.

    What cannot be read is left for :func:`check_events` to name, so that each event is reported on its own.
    """
    if not isinstance(message, Mapping):
        return message
    data = message.get("data")
    if data is None:
        data = message.get("data_base64")
    raw: dict[str, Any] = {
        "id": message.get("id"),
        "source": message.get("source"),
        "type": message.get("type"),
        "license": message.get("subject"),
        "time": message.get("time"),
        "specversion": message.get("specversion"),
        "data": {} if data is None else data,
    }
    return raw


def _check(index: int, raw: object, rules: Rules) -> UsageEvent:
    if not isinstance(raw, Mapping):
        raise _Refused("NOT_AN_EVENT", "An event must be a JSON object.")
    fields = _with_data(raw)
    identifier = _text(fields, "id", LONGEST_ID)
    source = _text(fields, "source", LONGEST_NAME)
    name = _text(fields, "type", LONGEST_NAME)
    license_key = _text(fields, "license", LONGEST_NAME, called="subject (the license)")
    if not rules.may_write(license_key):
        raise _Refused("FORBIDDEN", f"This key may not write usage of license {shown(license_key)}.")
    event_type = rules.event_types.get(name)
    if event_type is None:
        near = did_you_mean(name, rules.event_types)
        raise _Refused("UNKNOWN_TYPE", f"No meter reads events of type {shown(name)}.{near}")
    time = _time(fields.get("time"), rules)
    whole, nanos = _amount(fields, event_type)
    entity = "" if fields.get("entity") is None else _text(fields, "entity", LONGEST_NAME)
    dimensions = _dimensions(fields.get("dimensions"), event_type)
    said = [name, entity, dimensions, time.isoformat() if fields.get("time") is not None else "", whole, nanos]
    digest = hashlib.blake2b(orjson.dumps(said), digest_size=16).digest()
    return UsageEvent(
        index, license_key, source, identifier, name, event_type.kind, time, entity, dimensions, whole, nanos, digest
    )


def _with_data(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A CloudEvent's data joined to its attributes."""
    if "data" not in raw:
        return raw
    if raw.get("specversion") != "1.0":
        raise _Refused("BAD_SPECVERSION", 'specversion must be "1.0": events are CloudEvents 1.0.')
    data = raw["data"]
    if isinstance(data, (str, bytes)):
        data = _decoded(data)
    if not isinstance(data, Mapping):
        raise _Refused("BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions.")
    for key in data:
        if key not in _DATA_FIELDS:
            raise _Refused(
                "UNKNOWN_FIELD", f"data holds {shown(key)}, which is not known.{did_you_mean(str(key), _DATA_FIELDS)}"
            )
    return {**raw, **data}


def _decoded(data: str | bytes) -> object:
    """The JSON inside ``data_base64``, or inside a body that a sender encoded as a text."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(base64.b64decode(data, validate=True))
    except ValueError:  # neither base64 nor JSON
        return None


def _text(fields: Mapping[str, Any], name: str, longest: int, called: str | None = None) -> str:
    value = fields.get(name)
    if value is None:
        raise _Refused("MISSING_FIELD", f"{called or name} is missing.")
    problem = problem_with(value, longest)
    if problem:
        raise _Refused("BAD_FIELD", f"{called or name} {problem}.")
    return str(value)


def _time(value: object, rules: Rules) -> datetime:
    if value is None:
        return rules.now
    try:
        time = value.astimezone(UTC) if isinstance(value, datetime) else parse_instant(value)
    except NotAnInstant as problem:
        raise _Refused("BAD_FIELD", f"time {problem}.") from None
    if time > rules.now + rules.tolerance:
        raise _Refused(
            "FROM_THE_FUTURE",
            f"time {time.isoformat()} is more than {int(rules.tolerance.total_seconds())} seconds ahead of the "
            f"server's clock. Check the sender's clock.",
        )
    if rules.window is not None and time < rules.now - rules.window:
        raise _Refused(
            "TOO_OLD",
            f"time {time.isoformat()} is older than the deduplication window of {rules.window.days} days, so a "
            f"retry could count twice. An operator can bring it in with 'allowance events import --backfill'.",
        )
    if time < _EARLIEST:
        raise _Refused("TOO_OLD", f"time {time.isoformat()} is before 1970-01-02.")
    return time


def _amount(fields: Mapping[str, Any], event_type: EventType) -> tuple[int, int]:
    name, other = ("quantity", "value") if event_type.kind == "counter" else ("value", "quantity")
    if fields.get(other) is not None:
        raise _Refused(
            "BAD_FIELD", f"{event_type.name} is a {event_type.kind}: give its {name}, and leave {other} out."
        )
    value = fields.get(name)
    if value is None:
        if event_type.kind == "level":
            raise _Refused("MISSING_FIELD", f"value is missing: {event_type.name} is a level.")
        return 1, 0
    try:
        return split(value)
    except NotAnAmount as problem:
        a_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        raise _Refused("OUT_OF_RANGE" if a_number else "BAD_FIELD", f"{name} {problem}.") from None


def _dimensions(value: object, event_type: EventType) -> str:
    if value is None or value == {}:
        return ""
    if not isinstance(value, Mapping):
        raise _Refused("BAD_FIELD", "dimensions must be a JSON object of texts.")
    declared = {dimension.key: dimension for dimension in event_type.dimensions if dimension.key != "entity"}
    for key, part in value.items():
        dimension = declared.get(key)
        if dimension is None:
            raise _Refused(
                "UNKNOWN_DIMENSION",
                f"{event_type.name} has no dimension {shown(key)}.{did_you_mean(str(key), declared)}",
            )
        problem = problem_with(part, LONGEST_NAME)
        if problem:
            raise _Refused("BAD_FIELD", f"dimensions.{key} {problem}.")
        if dimension.values and part not in dimension.values:
            raise _Refused(
                "UNKNOWN_DIMENSION_VALUE",
                f"{shown(part)} is not a {key} of {event_type.name}.{did_you_mean(part, dimension.values)}",
            )
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
