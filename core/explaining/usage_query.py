"""The check of a question about usage: which series, of which days, in which intervals, and how they are grouped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allowance import EventType, Meter
from allowance.events import ENTITY
from sqlmodel import Session, col, select

from core.consumption.intervals import Interval
from core.errors import BadInput
from core.explaining.day_ranges import DayRange, divide_range
from core.licenses.load import LoadedLicense
from core.nearest import did_you_mean
from core.plugins.registry import Registry
from core.text import fold_name, shown
from core.times import EPOCH
from core.usage.tables import EntitySpelling

MOST_TOP: Final = 100
"""The most groups that are shown one by one."""
MOST_FILTER_VALUES: Final = 1000
_EARLIEST: Final = EPOCH + timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)
SHORTEST: Final = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 28}
"""The days of each interval, at the least."""


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """A question about usage, as a caller asked it.

    Either `meter` or `event` names what is explored. All days of which a part lies from `start` up to but not including
    `end` belong to the question: None stands for the beginning of the billing period that holds its end, and for now.
    `filter` maps a dimension, or ``entity``, to the values of which usage counts: a text or a list of texts.
    """

    meter: str | None = None
    event: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    interval: Interval = Interval.DAY
    group_by: Sequence[str] = ()
    filter: object = None
    top: int = 10


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """A question about usage that can be answered.

    Attributes:
        license: The license.
        event: The event type whose series are explored.
        meter: The meter that was asked for; None if an event type was.
        days: The days of the question.
        intervals: The calendar intervals of the days.
        group_by: The dimensions, or ``entity``, by which series are grouped; all series are one group without any.
        filter: The values of which usage counts, by dimension; usage without a value has the value ``""``.
        top: The number of groups that are shown one by one.
    """

    license: LoadedLicense
    event: EventType
    meter: Meter | None
    days: DayRange
    intervals: Sequence[DayRange]
    group_by: tuple[str, ...]
    filter: Mapping[str, frozenset[str]]
    top: int

    @property
    def is_level(self) -> bool:
        """True if the newest value counts, False if quantities are added up."""
        return self.event.kind == "level"


def check_question(
    session: Session,
    question: UsageQuestion,
    license: LoadedLicense,
    registry: Registry,
    now: datetime,
    most_points: int,
) -> UsageQuery:
    """Return the query that answers a question.

    Args:
        session: A session for reading. It takes one statement if the filter names entities, otherwise none.
        question: The question.
        license: The license, as of now.
        registry: The installed meters.
        now: The present time.
        most_points: The most points that an answer may have.

    Raises:
        BadInput: The question cannot be answered.
    """
    if not 1 <= question.top <= MOST_TOP:
        raise BadInput(f"`top` must be from 1 to {MOST_TOP}, not {question.top}.")
    meter, event = _find_event(question, registry)
    known = [dimension.key for dimension in event.dimensions] + [ENTITY.key]
    group_by = tuple(question.group_by)
    for key in group_by:
        _check_dimension(key, known, event, "groupBy")
    if len(set(group_by)) < len(group_by):
        raise BadInput("`groupBy` names a dimension twice.")
    filter_ = _read_filter(session, question.filter, known, event, license.id)
    days = _days_of(question, license, now)
    intervals = _intervals(days, question.interval, question.top, most_points)
    return UsageQuery(license, event, meter, days, intervals, group_by, filter_, question.top)


def _find_event(question: UsageQuestion, registry: Registry) -> tuple[Meter | None, EventType]:
    if (question.meter is None) == (question.event is None):
        raise BadInput("Name either a `meter` or an `event`.")
    if question.event is not None:
        if question.event not in registry.event_types:
            near = did_you_mean(question.event, registry.event_types)
            raise BadInput(f"No event type {shown(question.event)}.{near}")
        return None, registry.event_types[question.event]
    key = question.meter or ""
    meter = registry.meters.get(key)
    if meter is None:
        raise BadInput(f"No meter {shown(key)}.{did_you_mean(key, registry.meters)}")
    names = [event.name for event in meter.events()]
    if len(set(names)) != 1:
        read = f"reads the event types {', '.join(names)}: name one of them with `event`" if names else "reads no usage"
        raise BadInput(f"The meter {key} {read}.")
    return meter, registry.event_types[names[0]]


def _check_dimension(key: str, known: Sequence[str], event: EventType, argument: str) -> None:
    if key not in known:
        near = did_you_mean(key, known)
        raise BadInput(f"`{argument}`: {event.name} has no dimension {shown(key)}.{near} It has {', '.join(known)}.")


def _read_filter(
    session: Session, given: object, known: Sequence[str], event: EventType, license_id: int
) -> Mapping[str, frozenset[str]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BadInput('`filter` must be an object, as {"channel": "print"}.')
    found: dict[str, frozenset[str]] = {}
    for key, value in given.items():
        _check_dimension(key, known, event, "filter")
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in values) or len(values) > MOST_FILTER_VALUES:
            raise BadInput(f"`filter`: {key} must be a text, or a list of at most {MOST_FILTER_VALUES} texts.")
        found[key] = _entity_names(session, license_id, values) if key == ENTITY.key else frozenset(values)
    return found


def _entity_names(session: Session, license_id: int, spellings: Sequence[str]) -> frozenset[str]:
    """Return the names of entities in any spelling."""
    folded = {fold_name(spelling): spelling for spelling in spellings if spelling}
    statement = select(EntitySpelling.folded, EntitySpelling.name).where(
        EntitySpelling.license_id == license_id, col(EntitySpelling.folded).in_(folded)
    )
    names = dict(session.exec(statement).all())
    for key, spelling in folded.items():
        if key not in names:
            raise BadInput(f"`filter`: no usage or grant has named an entity {shown(spelling)}.")
    return frozenset([*names.values(), *(spelling for spelling in spellings if not spelling)])


def _days_of(question: UsageQuestion, license: LoadedLicense, now: datetime) -> DayRange:
    zone = ZoneInfo(license.license.time_zone)
    end = question.end
    if end is not None and end <= _EARLIEST:
        raise BadInput(f"`to` must be after {_EARLIEST:%Y-%m-%d}.")
    last = license.today if end is None or end > now else (end - _INSTANT).astimezone(zone).date()
    if question.start is None:
        return DayRange(license.period_on(last).first, last)
    if not _EARLIEST <= question.start <= now:
        raise BadInput(f"`from` must be from {_EARLIEST:%Y-%m-%d} up to now.")
    if end is not None and question.start >= end:
        raise BadInput("`from` must be before `to`.")
    return DayRange(question.start.astimezone(zone).date(), last)


def _intervals(days: DayRange, interval: Interval, top: int, most_points: int) -> Sequence[DayRange]:
    if interval is Interval.HOUR:
        raise BadInput("Usage is counted by day: the interval is DAY, WEEK or MONTH.")
    # Counted before they are made, since they may be very many.
    fewest = ((days.last - days.first).days + 1) // SHORTEST[interval]
    most = most_points // (top + 1)
    if fewest > most + 1 or len(intervals := list(divide_range(days, interval))) > most:
        raise BadInput(
            f"The answer would have more than {most_points} points, at {top} series and the rest. Choose a shorter "
            "time, a longer interval or a smaller `top`."
        )
    return intervals


def values_of(query: UsageQuery, entity: str, dimensions: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the values by which a series is grouped, or None if the filter leaves the series out."""

    def value(key: str) -> str:
        return entity if key == ENTITY.key else dimensions.get(key, "")

    if any(value(key) not in values for key, values in query.filter.items()):
        return None
    return tuple(map(value, query.group_by))
