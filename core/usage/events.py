"""The check of usage events from outside, which come as CloudEvents, over GraphQL or from files."""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson
from allowance import EventType

from core.nearest import did_you_mean
from core.right_of_way import give_way
from core.text import fold_name, problem_with, shown
from core.times import EPOCH, NotAnInstant, microseconds, parse_instant
from core.usage.amount import NotAnAmount, to_nanos
from core.usage.exact_json import NotJson, read_json
from core.usage.unreadable import UnreadableEvent

MAX_ID: Final = 200
MAX_NAME: Final = 200
ADJUSTMENT: Final = "allowance:adjustment"
"""The source of signed adjustments in the ledger. Senders cannot use it."""
_EARLIEST: Final = microseconds(datetime(1970, 1, 2, tzinfo=UTC))
_DATA_FIELDS: Final = frozenset({"quantity", "value", "entity", "dimensions"})


SPENDING: Final = "spending"
"""The kind of a counter whose events spend credits."""


class UsageEvent(NamedTuple):
    """A checked usage event.

    `position` is its index in the request. `kind` is that of the event type, or SPENDING. `dimensions` is canonical
    JSON. `time` is in microseconds since 1970; it is the time of arrival unless the sender stated a time (`timed`). The
    table of the ledger is :class:`core.usage.tables.LedgerEvent`.
    """

    position: int
    license: str
    source: str
    id: str
    type: str
    kind: str
    entity: str
    dimensions: str
    time: int
    timed: bool
    whole: int
    nanos: int


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """An event that was not recorded, by its index in the request."""

    index: int
    id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EventRules:
    """The rules that events are checked by: the known types, the clock, and the licenses that the caller may write."""

    event_types: Mapping[str, EventType]
    now: datetime
    window: timedelta | None
    """The largest age of an event; None for a backfill, which accepts any age."""
    tolerance: timedelta
    """The time by which an event may be ahead of the clock."""
    may_write: Callable[[str], bool]


class Rejection(Exception):
    """The reason why an event cannot be recorded."""

    def __init__(self, code: str, message: str) -> None:
        """Create the error from its code and its message."""
        super().__init__(message)
        self.code = code
        self.message = message


def check_events(raws: Iterable[object], rules: EventRules) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    """Check raw events, each on its own.

    Args:
        raws: Dictionaries of ``id``, ``source``, ``type``, ``license``, ``time``, ``quantity``, ``value``, ``entity``
            and ``dimensions``.
        rules: The rules.

    Returns:
        The events that may be recorded, and the rejected ones.
    """
    checker = _Checker(rules, "license")
    return _check_each(raws, checker, lambda raw: raw)


def check_cloudevents(messages: Iterable[object], rules: EventRules) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    """Check CloudEvents 1.0 as JSON objects: `subject` is the license, `data` holds quantity, value and dimensions.

    Returns:
        The events that may be recorded, and the rejected ones.
    """
    checker = _Checker(rules, "subject (the license)", "subject")
    return _check_each(messages, checker, _data)


def _check_each(
    raws: Iterable[object], checker: "_Checker", data_of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    events: list[UsageEvent] = []
    rejected: list[RejectedEvent] = []
    for index, raw in enumerate(raws):
        give_way()
        try:
            if isinstance(raw, UnreadableEvent):
                raise Rejection(raw.code, raw.message)
            if not isinstance(raw, dict):
                raise Rejection("NOT_AN_EVENT", "An event must be a JSON object.")
            events.append(checker.check(index, raw, data_of(raw)))
        except Rejection as rejection:
            identifier = (
                raw.get("id") if isinstance(raw, dict) else raw.id if isinstance(raw, UnreadableEvent) else None
            )
            shown_id = None if problem_with(identifier, MAX_ID) else str(identifier)
            rejected.append(RejectedEvent(index, shown_id, rejection.code, rejection.message))
    return events, rejected


class _Checker:
    """A check by the rules. Values that were found valid are remembered for a batch, as most of them repeat."""

    def __init__(self, rules: EventRules, license_name: str, license_field: str = "license") -> None:
        self._rules = rules
        self._license_name = license_name
        self._license_field = license_field
        self._now = microseconds(rules.now)
        self._latest = microseconds(rules.now + rules.tolerance)
        self._earliest = _EARLIEST if rules.window is None else max(_EARLIEST, microseconds(rules.now - rules.window))
        self._licenses: set[str] = set()
        self._names: set[str] = set()
        self._dimensions: dict[tuple[str, bytes], str] = {}

    def check(self, index: int, attributes: Mapping[str, Any], data: Mapping[str, Any]) -> UsageEvent:
        """Return the event of a message's attributes and data. Raises :class:`Rejection`."""
        identifier = _text(attributes.get("id"), "id", MAX_ID)
        source = self._name(attributes.get("source"), "source")
        if source == ADJUSTMENT:
            raise Rejection("BAD_FIELD", f"source {ADJUSTMENT} is reserved: correct usage with 'adjustUsage'.")
        name = self._name(attributes.get("type"), "type")
        license_key = attributes.get(self._license_field)
        if not (type(license_key) is str and license_key in self._licenses):
            license_key = self._license(license_key)
        event_type = self._rules.event_types.get(name)
        if event_type is None:
            near = did_you_mean(name, self._rules.event_types)
            raise Rejection("UNKNOWN_TYPE", f"No meter reads events of type {shown(name)}.{near}")
        stated = attributes.get("time")
        time = self._now if stated is None else self._time(stated)
        whole, nanos = _amount(data, event_type)
        entity = data.get("entity")
        entity = "" if entity is None else self._entity(entity)
        dimensions = data.get("dimensions")
        dimensions = self._canonical(dimensions, event_type) if dimensions else _no_dimensions(dimensions)
        kind = SPENDING if event_type.spends else event_type.kind
        return UsageEvent(
            index, license_key, source, identifier, name, kind, entity, dimensions,
            time, stated is not None, whole, nanos,
        )  # fmt: skip

    def _name(self, value: object, field: str) -> str:
        if type(value) is str and value in self._names:
            return value
        name = _text(value, field, MAX_NAME)
        self._names.add(name)
        return name

    def _entity(self, value: object) -> str:
        name = self._name(value, "entity")
        if name.isspace() or (not name.isascii() and not fold_name(name)):
            raise Rejection("BAD_FIELD", "entity must not be blank. Leave it out for usage of no entity.")
        return name

    def _license(self, value: object) -> str:
        key = _text(value, self._license_name, MAX_NAME)
        if not self._rules.may_write(key):
            raise Rejection("FORBIDDEN", f"This key may not write usage of license {shown(key)}.")
        self._licenses.add(key)
        return key

    def _time(self, value: object) -> int:
        try:
            time = microseconds(value if isinstance(value, datetime) else parse_instant(value))
        except NotAnInstant as problem:
            raise Rejection("BAD_FIELD", f"time {problem}.") from None
        if self._earliest <= time <= self._latest:
            return time
        text = (EPOCH + timedelta(microseconds=time)).isoformat()
        if time > self._latest:
            raise Rejection(
                "FROM_THE_FUTURE",
                f"time {text} is more than {int(self._rules.tolerance.total_seconds())} seconds ahead of the "
                f"server's clock. Check the sender's clock.",
            )
        if self._rules.window is not None and time >= _EARLIEST:
            raise Rejection(
                "TOO_OLD",
                f"time {text} is older than the deduplication window of {self._rules.window.days} days, so a "
                f"retry could count twice. An operator can bring it in with 'allowance events import --backfill'.",
            )
        raise Rejection("TOO_OLD", f"time {text} is before 1970-01-02.")

    def _canonical(self, value: object, event_type: EventType) -> str:
        """Return dimensions as JSON with sorted keys, so that equal dimensions are equal texts."""
        try:
            text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            text = b""
        known = self._dimensions.get((event_type.name, text))
        if known is None:
            _check_dimensions(value, event_type)
            known = self._dimensions[event_type.name, text] = text.decode()
        return known


def _data(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data of a CloudEvent."""
    if message.get("specversion") != "1.0":
        raise Rejection("BAD_SPECVERSION", 'specversion must be "1.0": events are CloudEvents 1.0.')
    data = message.get("data")
    if data is None:
        data = message.get("data_base64")
    if data is None:
        return {}
    if isinstance(data, (str, bytes)):
        data = _decoded(data)
    if not isinstance(data, dict):
        raise Rejection("BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions.")
    for key in data:
        if key not in _DATA_FIELDS:
            raise Rejection(
                "UNKNOWN_FIELD", f"data holds {shown(key)}, which is not known.{did_you_mean(str(key), _DATA_FIELDS)}"
            )
    return data


def _decoded(data: str | bytes) -> object:
    """Return the JSON of ``data_base64``, or of data that a sender encoded as a text; None if there is none."""
    try:
        return read_json(data)
    except NotJson:
        pass
    try:
        return read_json(base64.b64decode(data, validate=True))
    except ValueError:  # neither base64 nor JSON
        return None


def _text(value: object, field: str, max_length: int) -> str:
    if value is None:
        raise Rejection("MISSING_FIELD", f"{field} is missing.")
    problem = problem_with(value, max_length)
    if problem:
        raise Rejection("BAD_FIELD", f"{field} {problem}.")
    return str(value)


def _amount(data: Mapping[str, Any], event_type: EventType) -> tuple[int, int]:
    name, other = ("quantity", "value") if event_type.kind == "counter" else ("value", "quantity")
    if data.get(other) is not None:
        raise Rejection(
            "BAD_FIELD", f"{event_type.name} is a {event_type.kind}: give its {name}, and leave {other} out."
        )
    value = data.get(name)
    if value is None:
        if event_type.kind == "level":
            raise Rejection("MISSING_FIELD", f"value is missing: {event_type.name} is a level.")
        if name in data:
            raise Rejection("BAD_FIELD", "quantity must be a number, not null. Leave it out for 1.")
        return 1, 0
    try:
        return to_nanos(value)
    except NotAnAmount as problem:
        is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        raise Rejection("OUT_OF_RANGE" if is_number else "BAD_FIELD", f"{name} {problem}.") from None


def _no_dimensions(dimensions: object) -> str:
    """Return the text of no dimensions. Raises :class:`Rejection` for an empty value that is not an object."""
    if dimensions is None or dimensions == {}:
        return ""
    raise Rejection("BAD_FIELD", "dimensions must be a JSON object of texts.")


def _check_dimensions(value: object, event_type: EventType) -> None:
    if not isinstance(value, dict):
        raise Rejection("BAD_FIELD", "dimensions must be a JSON object of texts.")
    declared = {dimension.key: dimension for dimension in event_type.dimensions if dimension.key != "entity"}
    for key, part in value.items():
        dimension = declared.get(key)
        if dimension is None:
            raise Rejection(
                "UNKNOWN_DIMENSION",
                f"{event_type.name} has no dimension {shown(key)}.{did_you_mean(str(key), declared)}",
            )
        problem = problem_with(part, MAX_NAME)
        if problem:
            raise Rejection("BAD_FIELD", f"dimensions.{key} {problem}.")
        if dimension.values and part not in dimension.values:
            raise Rejection(
                "UNKNOWN_DIMENSION_VALUE",
                f"{shown(part)} is not a {key} of {event_type.name}.{did_you_mean(part, dimension.values)}",
            )
