"""Report, forecast, explorer and explanation agree with the readings, whatever contract, day and time zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from core.consumption.view import ReadingView
from core.explaining.parts import sum_of
from core.forecast.reading_forecast import ReadingForecast, forecast_reading
from core.forecast.store import load_outlooks
from tests.core.explaining.test_explanation import explain
from tests.core.explaining.test_explore import explored
from tests.core.report.test_load_report import report
from tests.fixtures.engine import Engine, new_key, usage_event
from tests.forms import examples

DAY: Final = timedelta(days=1)
NOWS: Final = (
    datetime(2024, 3, 3, 12, tzinfo=UTC),  # behind a leap day
    datetime(2024, 2, 29, 11, 30, tzinfo=UTC),  # it is the first of March already in Auckland
    datetime(2026, 4, 2, 9, tzinfo=UTC),  # clocks went forward in Brussels
    datetime(2026, 11, 3, 23, tzinfo=UTC),  # and back in New York
)
EVENTS: Final = {"interactions": "interaction.sent", "sms_credits": "sms.sent", "profiles": "profiles.level"}


@dataclass(frozen=True)
class Story:
    """Usage by days ago, and a contract that changes within a billing period, beside credits that expire."""

    now: datetime
    time_zone: str
    usage: Sequence[dict[str, int]]
    terms: tuple[int, int]
    changed_ago: int
    periods: tuple[str, str]
    expires_ago: int


_amounts = st.dictionaries(st.sampled_from(list(EVENTS)), st.integers(0, 60))
stories = st.builds(
    Story,
    st.sampled_from(NOWS),
    st.sampled_from(["Pacific/Auckland", "Europe/Brussels", "America/New_York"]),
    st.lists(_amounts, max_size=5) | st.lists(_amounts, min_size=20, max_size=35),
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
    st.integers(0, 35),
    st.tuples(st.sampled_from(["P1M", "P1Y"]), st.sampled_from(["P1M", "P7D"])),
    st.integers(-3, 30),
)


def tell(engine: Engine, story: Story) -> str:
    """Bring a story into the database; the key of its license."""
    key, now = new_key(), story.now
    long_ago = now - 50 * DAY
    first, changed = (now - 45 * DAY).date(), (now - story.changed_ago * DAY).date()
    for terms, period, begin in zip(story.terms, story.periods, (first, changed), strict=True):
        stated = {"profiles": terms, "interactions_per_profile": 2}
        if begin == first:
            engine.license(key, story.time_zone, now=long_ago)
        engine.contract(key, stated, effective_from=begin, starts_on=begin, billing_period=period)
    expiry = now - story.expires_ago * DAY
    engine.grant(key, "short", 100, granted_at=long_ago, expires_at=expiry, now=long_ago)
    engine.grant(key, "long", 900, granted_at=now - 20 * DAY, now=now - 20 * DAY)
    engine.refresh(key, now=now - 44 * DAY)
    for ago, amounts in enumerate(story.usage):
        at = now - ago * DAY
        engine.backfill(
            *(
                usage_event(EVENTS[meter], key, at) | {"value" if meter == "profiles" else "quantity": amount}
                for meter, amount in sorted(amounts.items())
            ),
            now=now,
        )
    engine.refresh(key, now=now)
    return key


def forecast_of(engine: Engine, view: ReadingView, now: datetime) -> ReadingForecast:
    license_id = view.license.id
    with engine.database.read() as session:
        return forecast_reading(view, load_outlooks(session, [license_id])[license_id].get(view.meter.key), now)


@examples(15)
@given(stories, st.lists(st.integers(1, 40), min_size=1, max_size=2))
def test_all_of_them_agree_with_the_readings(engine: Engine, story: Story, days_ago: list[int]) -> None:
    key, now = tell(engine, story), story.now
    license = engine.loaded(key, now)
    views = {view.meter.key: view for section in engine.view(key, now).sections for view in section.readings}
    first: date = license.today - 40 * DAY
    reported = report(engine, first, None, None, now, key)
    days = {(one.meter.key, day.day): (one.contract_version, day) for one in reported.meters for day in one.days}

    for meter, view in views.items():
        reading = view.reading
        if (meter, license.today) in days:
            version, today = days[meter, license.today]
            assert (today.used, today.limit, today.status) == (reading.used, reading.limit, reading.status), meter
            assert version == license.contract_on(license.today).version
        else:
            assert not reading.used
            assert reading.limit is None
        assert sum_of(explain(engine, view, now).parts) == (reading.used or 0), meter
        found = forecast_of(engine, view, now).forecast
        if found is not None:
            assert reading.used is not None
            assert found.points[0].expected == float(reading.used)
            assert all(point.low <= point.expected <= point.high for point in found.points)
            if meter != "sms_credits":
                assert found.end.at == license.contract_on(license.today).period.ends_at
            if meter == "interactions":
                assert [point.expected for point in found.points] == sorted(point.expected for point in found.points)
    for meter in ("interactions", "profiles"):
        assert explored(engine, key, now, meter=meter).total == (views[meter].reading.used or 0)

    for ago in days_ago:
        day = license.today - ago * DAY
        past = engine.past_readings(day, key, now)
        for meter in EVENTS:
            if (meter, day) in days:
                version, of_day = days[meter, day]
                assert version == license.contract_on(day).version
                assert (of_day.used, of_day.limit) == (past[meter].used, past[meter].limit), (meter, day)
            else:
                assert not past[meter].used or Decimal(0) == past[meter].used
