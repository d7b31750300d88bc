"""The testing kit: measure a meter from a few events, check a plugin as the application does, create messages.

Example::

    from allowance.testing import Event, check_plugin, measure

    def test_messages_of_the_period_are_counted() -> None:
        reading = measure(MESSAGES, [Event("chat.sent", 3), Event("chat.sent", 4)], terms={"chat_messages": 10})
        assert (reading.used, reading.limit.value) == (7, 10)

    def test_the_plugin_loads() -> None:
        check_plugin(allowance_chat)

    def test_a_message_is_posted(server) -> None:
        CHAT.notify(message("credits.requested"))
        assert server.received == [...]
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from allowance.cells import AdmittedCell, Grant, LevelCell, SumCell
from allowance.contribution import check_plugin
from allowance.events import EventType
from allowance.exact import exact
from allowance.license import Contract, License, Period
from allowance.meter import Meter, look_ahead
from allowance.notifier import KINDS, Alert, ExpiringCredits, ForecastAlert, Message, RequestedCredits
from allowance.reading import Reading
from allowance.reading_check import check_reading
from allowance.usage import Usage

__all__ = ["AT", "Event", "check_plugin", "measure", "message"]

AT: Final = datetime(2026, 6, 15, 12, tzinfo=UTC)
"""The instant at which a meter is measured by default."""


@dataclass(frozen=True, slots=True)
class Event:
    """A usage event.

    Attributes:
        type: The event type, as ``chat.sent``.
        amount: The quantity of a counter, or the value of a level.
        at: An instant with a time zone, or a day in the license's time zone; None for the instant of the measurement.
        entity: The entity; ``""`` for none.
        dimensions: The value of each dimension.
    """

    type: str
    amount: int | Decimal = 1
    at: datetime | date | None = None
    entity: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)


def measure(
    meter: Meter,
    events: Iterable[Event] = (),
    *,
    terms: Mapping[str, int | Decimal] | None = None,
    at: datetime = AT,
    time_zone: str = "UTC",
    grants: Iterable[Grant] = (),
    admitted: int = 0,
    refused: int = 0,
    starts_on: date | None = None,
) -> Reading:
    """Measure a meter from events, and check the reading as the application does.

    As in the application, only the data that the meter requests is loaded: the total of the billing period, and as
    many single days as its `days` states.

    Example::

        reading = measure(MESSAGES, [Event("chat.sent", 3)], terms={"chat_messages": 10})
        assert reading.used == 3

    Args:
        meter: The meter.
        events: The usage events, in any order.
        terms: The terms of the contract; None for a contract without terms.
        at: The instant of the measurement, with a time zone.
        time_zone: The IANA name of the license's time zone.
        grants: The grants of credits.
        admitted: The number of distinct identifiers that were admitted in the quota window, which is the calendar
            month of `at` in UTC.
        refused: The number of distinct identifiers that were refused in the quota window.
        starts_on: The day from which billing periods run, a year each; None for 1 January.

    Returns:
        The reading.

    Raises:
        ValueError: If the application would refuse an event.
        InvalidReading: If the application would refuse the reading.
    """
    day = at.astimezone(ZoneInfo(time_zone)).date()
    period = _year(starts_on or date(day.year, 1, 1), day, time_zone)
    contract = Contract(1, period, {key: Decimal(value) for key, value in (terms or {}).items()})
    places = AdmittedCell(meter.key, _month(at), day, admitted, refused)
    usage = _load(meter, list(events), [replace(grant, time_zone=time_zone) for grant in grants], [places], at, period)
    license = License("test", "Test", time_zone)
    reading = check_reading(meter, meter.measure(usage, license, contract))
    ahead = look_ahead(meter, usage, license, contract)
    return check_reading(meter, replace(reading, ahead=ahead)) if ahead else reading


def message(kind: str = "threshold.crossed", **changed: Any) -> Message:
    """Create a message as a notifier gets it, with one alert, forecast, grant or request in it.

    Example::

        CHAT.notify(message("threshold.crossed", license_name="Globex"))

    Args:
        kind: One of :data:`~allowance.notifier.KINDS`.
        changed: Fields of the message that differ from the default.

    Raises:
        ValueError: If the kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}; the kinds are {', '.join(KINDS)}")
    fields: dict[str, Any] = {
        "id": "0123456789abcdef0123456789abcdef",
        "license_key": "acme",
        "license_name": "Acme Corporation",
        "occurred_at": AT,
        "link": "https://app.example.com/consumption/acme",
    }
    if kind.startswith("threshold."):
        used, limit, period = Decimal(1020), Decimal(1000), Period(date(2026, 1, 1), date(2027, 1, 1))
        alert = Alert("interactions", "Interactions", "interactions", used, limit, Decimal(1), "EXCEEDED", period)
        fields["alerts"] = (alert,)
    elif kind.startswith("forecast."):
        forecast = ForecastAlert(
            meter="interactions",
            title="Interactions",
            unit="interactions",
            used=Decimal(600),
            limit=Decimal(1000),
            ratio=Decimal(1),
            expected=Decimal(1100),
            low=Decimal(1040),
            high=Decimal(1170),
            exceeds_at=datetime(2026, 12, 12, 9, tzinfo=UTC),
            exceeds_earliest=datetime(2026, 12, 5, 9, tzinfo=UTC),
            exceeds_latest=datetime(2026, 12, 24, 9, tzinfo=UTC),
            period=Period(date(2026, 1, 1), date(2027, 1, 1)),
        )
        fields["forecasts"] = (forecast,)
    elif kind == "credits.expiring":
        expires_at = AT + timedelta(days=7)
        credits = ExpiringCredits("sms_credits", "SMS credits", Decimal(5000), Decimal(1200), None, expires_at)
        fields["expiring"] = (credits,)
    else:
        amount, note = Decimal(5000), "For the spring campaign"
        fields["requested"] = RequestedCredits("sms_credits", "SMS credits", amount, None, note, "My consumption")
        if kind == "credits.declined":
            fields["reason"] = "The credits of this year are used up"
    return Message(kind=kind, **(fields | changed))


def _load(
    meter: Meter, events: list[Event], grants: list[Grant], places: list[AdmittedCell], at: datetime, period: Period
) -> Usage:
    zone = ZoneInfo(period.time_zone)
    day = at.astimezone(zone).date()
    types = {event_type.name: event_type for event_type in meter.events()}
    single = date.min if meter.days is None else day - timedelta(days=meter.days)
    sums: dict[tuple[object, ...], SumCell] = {}
    levels: dict[tuple[object, ...], LevelCell] = {}
    for event, happened_at in sorted(((event, _instant(event, at, zone)) for event in events), key=itemgetter(1)):
        _check(event, types, meter)
        on, value = happened_at.astimezone(zone).date(), Decimal(event.amount)
        series = (event.type, event.entity, tuple(sorted(event.dimensions.items())))
        if types[event.type].kind == "level":
            levels[*series, on] = LevelCell(event.type, on, value, event.entity, event.dimensions)
            continue
        first, last = (on, on) if meter.days != 0 else (period.first, day)
        if min(period.first, single) <= on <= day:
            with exact():
                value += sums[*series, first].amount if (*series, first) in sums else 0
            sums[*series, first] = SumCell(event.type, first, last, value, event.entity, event.dimensions)
    loaded_from = {
        name: min(period.first, single) if event_type.kind == "counter" else single
        for name, event_type in types.items()
    }
    return Usage(
        at,
        period.time_zone,
        sums=sums.values(),
        levels=levels.values(),
        grants=grants,
        admitted=places,
        loaded_from=loaded_from,
    )


def _instant(event: Event, at: datetime, zone: ZoneInfo) -> datetime:
    if event.at is None:
        return at
    if not isinstance(event.at, datetime):
        return datetime.combine(event.at, time(12), zone)
    if event.at.tzinfo is None:
        raise ValueError(f"event {event.type}: `at` needs a time zone, as datetime(2026, 6, 15, tzinfo=UTC)")
    return event.at


def _check(event: Event, types: Mapping[str, EventType], meter: Meter) -> None:
    if event.type not in types:
        raise ValueError(f"{meter.key} does not read {event.type}; its `events` name {', '.join(types) or 'none'}")
    known = {dimension.key: dimension.values for dimension in types[event.type].dimensions}
    for key, value in event.dimensions.items():
        if key not in known:
            raise ValueError(f"{event.type} has no dimension {key!r}; it has {', '.join(known) or 'none'}")
        if known[key] and value not in known[key]:
            raise ValueError(f"{event.type} has no {key} {value!r}; it has {', '.join(known[key])}")
    if not isinstance(event.amount, int | Decimal) or event.amount < 0:
        raise ValueError(f"event {event.type}: the amount must be an int or a Decimal, and not negative")


def _month(at: datetime) -> Period:
    first = at.astimezone(UTC).date().replace(day=1)
    return Period(first, (first + timedelta(days=31)).replace(day=1))


def _year(starts_on: date, day: date, time_zone: str) -> Period:
    """Return the year from an anniversary of `starts_on` that holds `day`; 29 February falls back to the 28th."""

    def anniversary(year: int) -> date:
        try:
            return starts_on.replace(year=year)
        except ValueError:
            return date(year, 2, 28)

    year = day.year if anniversary(day.year) <= day else day.year - 1
    return Period(anniversary(year), anniversary(year + 1), time_zone)
