"""The day on which the last credit is gone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.forecast.credits_gone import CreditsLeft, credits_gone
from core.forecast.forecast import Exceeding, ForecastPoint

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def spending(days: int, rate: float = 10.0, range_: float = 0.0) -> list[ForecastPoint]:
    """Return a path of spending with a point every ten days."""
    return [
        ForecastPoint(
            day(number), 500 + rate * number, 500 + rate * number * (1 - range_), 500 + rate * number * (1 + range_)
        )
        for number in range(0, days + 1, 10)
    ]


def test_credits_are_gone_once_they_are_spent() -> None:
    gone = credits_gone(spending(100, range_=0.5), [CreditsLeft(150), CreditsLeft(150)])
    assert gone == (day(30), day(20), day(60))


def test_what_expires_is_not_spent_any_more() -> None:
    """100 of 300 are spent of the first grant by the tenth day, then 200 expire, and 50 of the other are left."""
    gone = credits_gone(spending(100), [CreditsLeft(300, expires_at=day(10)), CreditsLeft(50)])
    assert gone == (day(15),) * 3


def test_the_last_credits_can_expire_without_being_spent() -> None:
    gone = credits_gone(spending(100, rate=0), [CreditsLeft(300, expires_at=day(35))])
    assert gone == (day(35),) * 3


def test_a_grant_that_begins_in_time_pays() -> None:
    gone = credits_gone(spending(100), [CreditsLeft(100), CreditsLeft(100, begins_at=day(5))])
    assert gone == (day(20),) * 3


def test_a_grant_that_begins_too_late_does_not() -> None:
    gone = credits_gone(spending(100), [CreditsLeft(100), CreditsLeft(100, begins_at=day(12))])
    assert gone == (day(10),) * 3


def test_credits_that_last_longer_than_the_forecast_have_no_date() -> None:
    assert credits_gone(spending(100), [CreditsLeft(1001)]) == Exceeding()
    assert credits_gone(spending(100, range_=0.5), [CreditsLeft(1001)]) == Exceeding(earliest=day(1001 / 15))


def test_where_nothing_is_left_nothing_can_go() -> None:
    assert credits_gone(spending(100), []) == Exceeding()
    assert credits_gone(spending(100), [CreditsLeft(0)]) == Exceeding()


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.none() | st.integers(1, 120)), max_size=5),
    st.floats(0, 50),
    st.floats(0, 1),
)
def test_dates_are_in_order(grants: list[tuple[int, int | None]], rate: float, range_: float) -> None:
    left = [CreditsLeft(amount, None if expires is None else day(expires)) for amount, expires in grants]
    gone = credits_gone(spending(100, rate, range_), left)
    if gone.at is not None:
        assert gone.earliest is not None
        assert gone.latest is not None
        slack = timedelta(milliseconds=1)
        assert NOW <= gone.earliest <= gone.at + slack <= gone.latest + 2 * slack
