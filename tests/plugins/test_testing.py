from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from allowance import Contract, Counter, Credits, Dimension, EventType, Grant, Level, License, Meter, Reading, Usage
from allowance.errors import InvalidReading
from allowance.testing import AT, Event, measure

TEXTS: dict[str, Any] = {"section": "chat", "title": "T", "description": "D", "unit": "u"}
SENT = Counter(key="sent", event="chat.sent", by=(Dimension("channel", {"web": "Web"}),), **TEXTS)


class Asks(Meter):
    """Returns whatever the function says that it is given."""

    answer: Any = None

    def events(self) -> tuple[EventType, ...]:
        return (EventType("chat.sent", "counter"), EventType("rooms.level", "level"))

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        return type(self).answer(usage, contract)  # type: ignore[no-any-return]


def asked(answer: Any, days: int | None = 0, **given: Any) -> Reading:
    return measure(type("Asks", (Asks,), {"answer": staticmethod(answer)})(key="asks", days=days, **TEXTS), **given)


@pytest.mark.parametrize(
    ("starts_on", "at", "first", "end"),
    [
        (None, AT, date(2026, 1, 1), date(2027, 1, 1)),
        (date(2020, 6, 15), AT, date(2026, 6, 15), date(2027, 6, 15)),
        (date(2020, 6, 16), AT, date(2025, 6, 16), date(2026, 6, 16)),
        (date(2024, 2, 29), datetime(2026, 2, 28, tzinfo=UTC), date(2026, 2, 28), date(2027, 2, 28)),
        (date(2024, 2, 29), datetime(2028, 2, 28, tzinfo=UTC), date(2027, 2, 28), date(2028, 2, 29)),
    ],
)
def test_billing_periods_are_years_from_the_start(starts_on: date | None, at: datetime, first: date, end: date) -> None:
    period = measure(SENT, starts_on=starts_on, at=at).period
    assert period
    assert (period.first, period.end) == (first, end)


def test_days_are_those_of_the_time_zone() -> None:
    new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    events = [Event("chat.sent", 5, datetime(2026, 12, 31, 22, 59, tzinfo=UTC)), Event("chat.sent", 1, new_year)]
    assert measure(SENT, events, at=new_year).used == 6
    assert measure(SENT, events, at=new_year, time_zone="Europe/Brussels").used == 1


def test_events_may_be_in_any_order_and_the_newest_level_counts() -> None:
    rooms = Level(key="rooms", **TEXTS)
    morning, evening = datetime(2026, 6, 1, 8, tzinfo=UTC), datetime(2026, 6, 1, 20, tzinfo=UTC)
    assert measure(rooms, [Event("rooms.level", 2, evening), Event("rooms.level", 1, morning)]).used == 2


def test_a_meter_sees_only_the_days_that_it_requests() -> None:
    def june(usage: Usage, _: Contract) -> Reading:
        return Reading(sum(sum(parts.values()) for parts in usage.daily("chat.sent", by="entity").values()))

    events = [Event("chat.sent", 1, date(2025, 6, 1)), Event("chat.sent", 10, date(2026, 6, 1))]
    assert asked(june, None, events=events).used == 11
    assert asked(june, 14, events=events).used == 10
    with pytest.raises(LookupError, match="set `days` on the meter"):
        asked(june, 0, events=events)


def test_a_level_of_the_past_needs_days() -> None:
    def a_week_ago(usage: Usage, _: Contract) -> Reading:
        return Reading(usage.level("rooms.level", on=date(2026, 6, 8)))

    events = [Event("rooms.level", 3, date(2026, 5, 1)), Event("rooms.level", 9, date(2026, 6, 9))]
    assert asked(a_week_ago, 7, events=events).used == 3
    with pytest.raises(LookupError, match=r"rooms\.level of 2026-06-08 is not loaded"):
        asked(a_week_ago, 6, events=events)


def test_credits_take_grants_whose_days_are_those_of_the_license() -> None:
    sms = Credits(key="sms", event="sms.sent", **TEXTS)
    grant = Grant("1", Decimal(100), datetime(2026, 6, 1, 22, tzinfo=UTC))
    spent = [Event("sms.sent", 30, date(2026, 6, 2), "be")]
    reading = measure(sms, spent, grants=[grant], time_zone="Europe/Brussels")
    assert (reading.used, reading.grants) == (30, {"1": 70})


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event("chat.send"), "sent does not read chat.send; its `events` name chat.sent"),
        (Event("chat.sent", dimensions={"chanel": "web"}), "chat.sent has no dimension 'chanel'; it has channel"),
        (Event("chat.sent", dimensions={"channel": "fax"}), "chat.sent has no channel 'fax'; it has web"),
        (Event("chat.sent", -1), "the amount must be an int or a Decimal, and not negative"),
        (Event("chat.sent", 0.5), "the amount must be an int or a Decimal, and not negative"),  # type: ignore[arg-type]
        (Event("chat.sent", at=datetime(2026, 6, 1)), "`at` needs a time zone"),  # noqa: DTZ001
    ],
)
def test_an_event_that_the_application_would_refuse_is_refused(event: Event, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure(SENT, [event])


def test_a_reading_that_the_application_would_refuse_is_refused() -> None:
    with pytest.raises(InvalidReading, match="Meter asks: `used` must be an int, a Decimal or a Fraction, not a float"):
        asked(lambda usage, contract: Reading(0.5))  # type: ignore[arg-type]
