from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from allowance import Contract, Period
from allowance.license import midnight
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("day", "time_zone", "instant"),
    [
        (date(2026, 1, 1), "UTC", datetime(2026, 1, 1, tzinfo=UTC)),
        (date(2026, 7, 1), "Europe/Brussels", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
        (date(2011, 12, 30), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        (date(2024, 11, 3), "America/Havana", datetime(2024, 11, 3, 4, tzinfo=UTC)),
    ],
    ids=["utc", "summer time", "the clocks skip midnight", "the day does not exist", "midnight comes twice"],
)
def test_a_day_begins_at_its_first_instant(day: date, time_zone: str, instant: datetime) -> None:
    assert midnight(day, time_zone) == instant


@given(
    day=st.dates(date(1975, 1, 1), date(2037, 12, 31)),
    time_zone=st.sampled_from(["UTC", "Europe/Brussels", "America/New_York", "Asia/Kathmandu", "Asia/Beirut"]),
)
def test_days_follow_each_other_without_a_gap(day: date, time_zone: str) -> None:
    begins = midnight(day, time_zone)
    assert begins.astimezone(ZoneInfo(time_zone)).date() == day
    assert (begins - timedelta(microseconds=1)).astimezone(ZoneInfo(time_zone)).date() == day - timedelta(days=1)


def test_a_period_holds_its_first_day_and_not_its_end() -> None:
    period = Period(date(2026, 3, 29), date(2026, 3, 30), "Europe/Brussels")
    assert date(2026, 3, 28) not in period
    assert date(2026, 3, 29) in period
    assert date(2026, 3, 30) not in period
    assert period.ends_at - period.starts_at == timedelta(hours=23)


def test_a_contracts_terms_cannot_be_changed_by_a_meter() -> None:
    terms = {"profiles": Decimal(1)}
    contract = Contract(1, Period(date(2026, 1, 1), date(2027, 1, 1)), terms)
    terms["profiles"] = Decimal(2)
    assert contract.terms == {"profiles": Decimal(1)}
    with pytest.raises(TypeError):
        contract.terms["profiles"] = Decimal(3)  # type: ignore[index]
