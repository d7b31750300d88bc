"""Usage events from outside: read from CloudEvents or GraphQL, checked one by one. Pure."""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import orjson
from allowance import EventType

from core.nearest import did_you_mean
from core.text import problem_with, shown
from core.times import EPOCH, NotAnInstant, microseconds, parse_instant
from core.usage.amount import NotAnAmount, to_nanos

LONGEST_ID: Final = 200
LONGEST_NAME: Final = 200
_EARLIEST: Final = microseconds(datetime(1970, 1, 2, tzinfo=UTC))
_DATA_FIELDS: Final = frozenset({"quantity", "value", "entity", "dimensions"})


class UsageEvent(NamedTuple):
    """A checked usage event: `position` is its place in the request, `dimensions` canonical JSON.

    `time` is in microseconds since 1970. One that was not `timed` by its sender has the time of its arrival.
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


class Refused(Exception):
    """An event that may not be recorded, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_events(raws: Iterable[object], rules: Rules) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    """Check each raw event on its own; those that may be recorded, and the others.

    A raw event is a dictionary of ``id``, ``source``, ``type``, ``license``, ``time``, ``quantity``, ``value``,
    ``entity`` and ``dimensions``.
    """
    checker = _Checker(rules, "license")
    return _sorted_out(raws, checker, lambda raw: raw)


def check_cloudevents(messages: Iterable[object], rules: Rules) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    """The same for CloudEvents 1.0 as JSON objects: `subject` is the license, `data` holds the rest."""
    checker = _Checker(rules, "subject (the license)", "subject")
    return _sorted_out(messages, checker, _data)


def _sorted_out(
    raws: Iterable[object], checker: "_Checker", data_of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> tuple[list[UsageEvent], list[RejectedEvent]]:
    events: list[UsageEvent] = []
    rejected: list[RejectedEvent] = []
    for index, raw in enumerate(raws):
        try:
            if not isinstance(raw, dict):
                raise Refused("NOT_AN_EVENT", "An event must be a JSON object.")
            events.append(checker.check(index, raw, data_of(raw)))
        except Refused as refused:
            identifier = raw.get("id") if isinstance(raw, dict) else None
            shown_id = None if problem_with(identifier, LONGEST_ID) else str(identifier)
            rejected.append(RejectedEvent(index, shown_id, refused.code, refused.message))
    return events, rejected


class _Checker:
    """Holds events against the rules; remembers within a batch what was found good, as most of it comes again."""

    def __init__(self, rules: Rules, license_name: str, license_field: str = "license") -> None:
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
        """The event of these attributes and this data. Raises :class:`Refused`."""
        identifier = _text(attributes.get("id"), "id", LONGEST_ID)
        source = self._name(attributes.get("source"), "source")
        name = self._name(attributes.get("type"), "type")
        license_key = attributes.get(self._license_field)
        if not (type(license_key) is str and license_key in self._licenses):
            license_key = self._license(license_key)
        event_type = self._rules.event_types.get(name)
        if event_type is None:
            near = did_you_mean(name, self._rules.event_types)
            raise Refused("UNKNOWN_TYPE", f"No meter reads events of type {shown(name)}.{near}")
        given = attributes.get("time")
        time = self._now if given is None else self._time(given)
        whole, nanos = _amount(data, event_type)
        entity = data.get("entity")
        entity = "" if entity is None else self._name(entity, "entity")
        dimensions = data.get("dimensions")
        dimensions = self._canonical(dimensions, event_type) if dimensions else _none(dimensions)
        return UsageEvent(
            index, license_key, source, identifier, name, event_type.kind, entity, dimensions,
            time, given is not None, whole, nanos,
        )  # fmt: skip

    def _name(self, value: object, called: str) -> str:
        if type(value) is str and value in self._names:
            return value
        name = _text(value, called, LONGEST_NAME)
        self._names.add(name)
        return name

    def _license(self, value: object) -> str:
        key = _text(value, self._license_name, LONGEST_NAME)
        if not self._rules.may_write(key):
            raise Refused("FORBIDDEN", f"This key may not write usage of license {shown(key)}.")
        self._licenses.add(key)
        return key

    def _time(self, value: object) -> int:
        try:
            time = microseconds(value if isinstance(value, datetime) else parse_instant(value))
        except NotAnInstant as problem:
            raise Refused("BAD_FIELD", f"time {problem}.") from None
        if self._earliest <= time <= self._latest:
            return time
        text = (EPOCH + timedelta(microseconds=time)).isoformat()
        if time > self._latest:
            raise Refused(
                "FROM_THE_FUTURE",
                f"time {text} is more than {int(self._rules.tolerance.total_seconds())} seconds ahead of the "
                f"server's clock. Check the sender's clock.",
            )
        if self._rules.window is not None and time >= _EARLIEST:
            raise Refused(
                "TOO_OLD",
                f"time {text} is older than the deduplication window of {self._rules.window.days} days, so a "
                f"retry could count twice. An operator can bring it in with 'allowance events import --backfill'.",
            )
        raise Refused("TOO_OLD", f"time {text} is before 1970-01-02.")

    def _canonical(self, value: object, event_type: EventType) -> str:
        """Dimensions as JSON with sorted keys, the same however they were written."""
        try:
            written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            written = b""
        known = self._dimensions.get((event_type.name, written))
        if known is None:
            _check_dimensions(value, event_type)
            known = self._dimensions[event_type.name, written] = written.decode()
        return known


def _data(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A CloudEvent's data."""
    if message.get("specversion") != "1.0":
        raise Refused("BAD_SPECVERSION", 'specversion must be "1.0": events are CloudEvents 1.0.')
    data = message.get("data")
    if data is None:
        data = message.get("data_base64")
    if data is None:
        return {}
    if isinstance(data, (str, bytes)):
        data = _decoded(data)
    if not isinstance(data, dict):
        raise Refused("BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions.")
    for key in data:
        if key not in _DATA_FIELDS:
            raise Refused(
                "UNKNOWN_FIELD", f"data holds {shown(key)}, which is not known.{did_you_mean(str(key), _DATA_FIELDS)}"
            )
    return data


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


def _text(value: object, called: str, longest: int) -> str:
    if value is None:
        raise Refused("MISSING_FIELD", f"{called} is missing.")
    problem = problem_with(value, longest)
    if problem:
        raise Refused("BAD_FIELD", f"{called} {problem}.")
    return str(value)


def _amount(data: Mapping[str, Any], event_type: EventType) -> tuple[int, int]:
    name, other = ("quantity", "value") if event_type.kind == "counter" else ("value", "quantity")
    if data.get(other) is not None:
        raise Refused("BAD_FIELD", f"{event_type.name} is a {event_type.kind}: give its {name}, and leave {other} out.")
    value = data.get(name)
    if value is None:
        if event_type.kind == "level":
            raise Refused("MISSING_FIELD", f"value is missing: {event_type.name} is a level.")
        return 1, 0
    try:
        return to_nanos(value)
    except NotAnAmount as problem:
        a_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        raise Refused("OUT_OF_RANGE" if a_number else "BAD_FIELD", f"{name} {problem}.") from None


def _none(dimensions: object) -> str:
    """No dimensions; anything else that is empty is not an object."""
    if dimensions is None or dimensions == {}:
        return ""
    raise Refused("BAD_FIELD", "dimensions must be a JSON object of texts.")


def _check_dimensions(value: object, event_type: EventType) -> None:
    if not isinstance(value, dict):
        raise Refused("BAD_FIELD", "dimensions must be a JSON object of texts.")
    declared = {dimension.key: dimension for dimension in event_type.dimensions if dimension.key != "entity"}
    for key, part in value.items():
        dimension = declared.get(key)
        if dimension is None:
            raise Refused(
                "UNKNOWN_DIMENSION",
                f"{event_type.name} has no dimension {shown(key)}.{did_you_mean(str(key), declared)}",
            )
        problem = problem_with(part, LONGEST_NAME)
        if problem:
            raise Refused("BAD_FIELD", f"dimensions.{key} {problem}.")
        if dimension.values and part not in dimension.values:
            raise Refused(
                "UNKNOWN_DIMENSION_VALUE",
                f"{shown(part)} is not a {key} of {event_type.name}.{did_you_mean(part, dimension.values)}",
            )
