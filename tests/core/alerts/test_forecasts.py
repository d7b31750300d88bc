"""A forecast alerts once for each ratio, period and limit, and recovers after three clear days in a row."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, select

from core.administration.inputs import AdminInput
from core.administration.withdraw_contract import withdraw_contract
from core.alerts.forecasts import MeterForecast, WatchedMeter, record_forecasts
from core.alerts.tables import ForecastAlert
from core.delivery.message_kinds import FORECAST_CROSSED, FORECAST_RECOVERED
from core.delivery.outbox.tables import Delivery, Message
from core.forecast.forecast import Exceeding
from tests.core.refresh.common import SMALL, sent
from tests.core.refresh.test_outlooks import forecast as forecast_of
from tests.fixtures.engine import NOW, Engine, counted_statements, new_key

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MIDNIGHT = NOW - 12 * HOUR
INTERACTIONS = (("interactions", (Decimal(1),)),)


def told(engine: Engine, key: str = "acme") -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Each message about forecasts: its kind, and the meters, ratios and limits that it lists."""
    with engine.database.read() as session:
        found = select(Message).where(
            Message.license_id == engine.id(key), col(Message.kind).in_([FORECAST_CROSSED, FORECAST_RECOVERED])
        )
        return [
            (one.kind, [(item["meter"], item["ratio"], item["limit"]) for item in one.document["forecasts"]])
            for one in session.exec(found.order_by(col(Message.occurred_at)))
        ]


def forecast(day: int, expected: int, **changed: object) -> MeterForecast:
    """The forecast of a meter whose limit is 100, so many days after NOW."""
    made = MeterForecast(
        day=(NOW + day * DAY).date(),
        end=date(2027, 1, 1),
        limit=Decimal(100),
        basis="100 forms",
        contract_version=1,
        used=Decimal(50),
        status="OK",
        is_exceeded=False,
        exceeds=expected > 100,
        expected=Decimal(expected),
        low=Decimal(expected - 20),
        high=Decimal(expected + 20),
        exceeding=Exceeding(),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def record(
    engine: Engine,
    day: int,
    expected: int | None,
    ratios: tuple[Decimal, ...] = (Decimal(1),),
    first: date | None = date(2026, 1, 1),
    **changed: object,
) -> None:
    """Record the forecast of the forms of a license; without an expected usage there is none."""
    made = None if expected is None else forecast(day, expected, **changed)
    meter = WatchedMeter(engine.id("acme"), "forms", first, ratios, made)
    with engine.database.write() as session:
        record_forecasts(session, [meter], NOW + day * DAY)


ONCE = (FORECAST_CROSSED, [("forms", "1", "100")])
CLEAR = (FORECAST_RECOVERED, [("forms", "1", "100")])


def test_a_forecast_that_flaps_around_the_ratio_sends_one_message(engine: Engine) -> None:
    engine.license()
    for day, expected in enumerate([101, 99, 101, 99, 99, 101, 99, 99, 102, 98, 98]):
        record(engine, day, expected)
    assert told(engine) == [ONCE]


def test_three_clear_days_in_a_row_recover_and_the_period_is_told_of_once(engine: Engine) -> None:
    engine.license()
    for day, expected in enumerate([101, 99, 99]):
        record(engine, day, expected)
    assert told(engine) == [ONCE]
    record(engine, 3, 99)
    assert told(engine) == [ONCE, CLEAR]
    for day, expected in enumerate([101, 99, 99, 99, 99], start=4):
        record(engine, day, expected)
    assert told(engine) == [ONCE, CLEAR]


def test_a_day_on_which_a_forecast_reached_the_ratio_is_not_clear(engine: Engine) -> None:
    engine.license()
    for day, expected in [(0, 101), (0, 99), (1, 99), (2, 99), (2, 101), (2, 99), (3, 99), (4, 99)]:
        record(engine, day, expected)
    assert told(engine) == [ONCE]
    record(engine, 5, 99)
    assert told(engine) == [ONCE, CLEAR]


def test_days_without_a_forecast_do_not_count_as_clear(engine: Engine) -> None:
    engine.license()
    for day, expected in [(0, 101), (1, 99), (2, 99), (4, 99), (5, 99)]:
        record(engine, day, expected)
    assert told(engine) == [ONCE]
    record(engine, 6, 99)
    assert told(engine) == [ONCE, CLEAR]


def test_a_new_limit_alerts_anew_and_recovers_once_for_the_ratio(engine: Engine) -> None:
    engine.license()
    record(engine, 0, 130)
    record(engine, 1, 130, limit=Decimal(120), exceeds=True)
    for day in (2, 3, 4):
        record(engine, day, 110, limit=Decimal(120), exceeds=False)
    raised = [("forms", "1", "120")]
    assert told(engine) == [ONCE, (FORECAST_CROSSED, raised), (FORECAST_RECOVERED, raised)]


def test_a_new_period_ends_the_alert_silently_and_may_alert_anew(engine: Engine) -> None:
    engine.license()
    record(engine, 0, 101)
    record(engine, 306, 99, first=date(2027, 1, 1), end=date(2028, 1, 1))
    assert told(engine) == [ONCE]
    with engine.database.read() as session:
        [alert] = session.exec(select(ForecastAlert)).all()
        assert alert.recovered_at == NOW + 306 * DAY
    record(engine, 307, 101, first=date(2027, 1, 1), end=date(2028, 1, 1))
    assert told(engine) == [ONCE, ONCE]


def test_a_limit_that_is_exceeded_already_alerts_nobody_and_clears_nothing(engine: Engine) -> None:
    engine.license()
    record(engine, 0, 130, is_exceeded=True)
    assert told(engine) == []
    record(engine, 1, 101)
    for day in range(2, 8):
        record(engine, day, 99, is_exceeded=True)
    assert told(engine) == [ONCE]


def test_ratios_of_a_part_are_reached_at_the_boundary_and_the_whole_limit_beyond_it(engine: Engine) -> None:
    engine.license()
    ratios = (Decimal("0.9"), Decimal(1))
    record(engine, 0, 89, ratios=ratios)
    assert told(engine) == []
    record(engine, 1, 90, ratios=ratios)
    record(engine, 2, 100, ratios=ratios)
    assert told(engine) == [(FORECAST_CROSSED, [("forms", "0.9", "100")])]
    record(engine, 3, 101, ratios=ratios)
    assert told(engine)[1:] == [ONCE]


@pytest.mark.parametrize("expected", [101, 99, None])
def test_a_ratio_that_the_contract_does_not_state_any_more_closes_at_once(engine: Engine, expected: int | None) -> None:
    engine.license()
    record(engine, 0, 101)
    record(engine, 1, expected, ratios=(Decimal("1.5"),))
    assert told(engine) == [ONCE, CLEAR]
    record(engine, 2, 101)
    assert told(engine) == [ONCE, CLEAR]


def test_an_alert_closes_with_its_period_also_without_a_forecast_and_with_its_meter(engine: Engine) -> None:
    engine.license()
    record(engine, 0, 101)
    record(engine, 1, None)
    assert open_alerts(engine) == ["forms"]
    record(engine, 306, None, first=date(2027, 1, 1))
    assert (open_alerts(engine), told(engine)) == ([], [ONCE])
    record(engine, 307, 101, first=date(2027, 1, 1), end=date(2028, 1, 1))
    record(engine, 308, None, first=None, ratios=())  # the meter is not installed any more
    assert (open_alerts(engine), told(engine)) == ([], [ONCE, ONCE, CLEAR])


def test_workers_at_the_same_time_record_one_alert(engine: Engine) -> None:
    engine.license()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: record(engine, 0, 101), range(12)))
    assert told(engine) == [ONCE]


def test_many_forecasts_take_as_many_statements_as_one(engine: Engine) -> None:
    def statements(licenses: int, day: int, expected: int) -> int:
        ids = [engine.license(new_key(), admins=[AdminInput("a@example.com", None, None)]) for _ in range(licenses)]
        made = [
            WatchedMeter(license_id, meter, date(2026, 1, 1), (Decimal(1),), forecast(day, expected))
            for license_id in ids
            for meter in ("forms", "users")
        ]
        with engine.database.write() as session, counted_statements(engine.database) as sent:
            record_forecasts(session, made, NOW + day * DAY)
        return len(sent)

    engine.license()
    assert statements(1, 0, 99) == statements(20, 0, 99) == 1
    assert statements(1, 0, 101) == statements(20, 0, 101)


def open_alerts(engine: Engine) -> list[str]:
    """The meters of the open alerts on forecasts."""
    with engine.database.read() as session:
        return list(session.exec(select(ForecastAlert.meter).where(col(ForecastAlert.recovered_at).is_(None))))


def steady(engine: Engine, quantity: int) -> None:
    """Let a license with a limit of interactions use the same each day of 60."""
    engine.backfill(*(sent(quantity, MIDNIGHT - number * DAY + 12 * HOUR) for number in range(60, 0, -1)))


def test_refreshes_alert_the_admins_once_if_the_contract_asks_for_it(engine: Engine) -> None:
    engine.license(terms=SMALL, admins=[AdminInput("ann@example.com", None, "fr")], forecast_at=INTERACTIONS)
    steady(engine, 10)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda second: engine.refresh(now=NOW + timedelta(seconds=second)), range(6)))
    engine.refresh(now=NOW + HOUR)
    assert told(engine) == [(FORECAST_CROSSED, [("interactions", "1", "1000")])]
    with engine.database.read() as session:
        assert session.exec(select(Delivery.channel, Delivery.recipient)).all() == [("email", "ann@example.com")]
        [alert] = session.exec(select(ForecastAlert)).all()
    assert (alert.used, alert.limit, alert.ratio, alert.contract_version) == (600, 1000, 1, 1)
    assert alert.low <= alert.expected <= alert.high
    assert alert.exceeds_at is not None
    assert abs(alert.exceeds_at - (NOW + 40 * DAY)) < HOUR


def test_alerts_on_forecasts_are_off_by_default(engine: Engine) -> None:
    engine.license(terms=SMALL)
    steady(engine, 10)
    engine.refresh()
    assert told(engine) == []


def test_nobody_is_alerted_if_the_high_end_of_the_range_alone_exceeds_the_limit(engine: Engine) -> None:
    engine.license(terms=SMALL, forecast_at=INTERACTIONS)
    quantities = [0, 4, 0, 1, 9, 0, 3, 1, 0, 7, 2, 0]
    engine.backfill(
        *(
            sent(quantity, MIDNIGHT - number * DAY + 12 * HOUR)
            for number in range(60, 0, -1)
            if (quantity := quantities[number % len(quantities)])
        )
    )
    engine.refresh()
    found = forecast_of(engine).forecast
    assert found is not None
    assert found.end.expected < 1000 < found.end.high
    assert found.exceeding.earliest is not None
    assert told(engine) == []


def test_usage_that_stays_within_the_limit_alerts_nobody(engine: Engine) -> None:
    engine.license(terms=SMALL, forecast_at=INTERACTIONS)
    steady(engine, 1)
    engine.refresh()
    assert told(engine) == []


def test_a_withdrawn_contract_and_removed_ratios_close_open_alerts(engine: Engine) -> None:
    engine.license(terms=SMALL)
    engine.contract("acme", SMALL, effective_from=date(2026, 2, 1), forecast_at=INTERACTIONS)
    steady(engine, 10)
    engine.refresh()
    assert open_alerts(engine) == ["interactions"]
    with engine.database.write() as session:
        withdraw_contract(session, "acme", 2, begun=True, by="test", now=NOW)
    engine.refresh(now=NOW + HOUR)
    assert open_alerts(engine) == []
    assert [kind for kind, _ in told(engine)] == [FORECAST_CROSSED, FORECAST_RECOVERED]


def test_an_alert_closes_on_the_day_on_which_a_version_without_the_ratio_begins(engine: Engine) -> None:
    engine.license(terms=SMALL, forecast_at=INTERACTIONS)
    engine.contract("acme", SMALL, effective_from=(NOW + DAY).date(), forecast_at=None)
    steady(engine, 10)
    for day, expected in ((0, ["interactions"]), (1, [])):
        engine.refresh(now=NOW + day * DAY)
        assert open_alerts(engine) == expected
    assert [kind for kind, _ in told(engine)] == [FORECAST_CROSSED, FORECAST_RECOVERED]


def test_an_alert_closes_when_no_contract_is_in_force_any_more(engine: Engine) -> None:
    terms = {"profiles": 604, "interactions_per_profile": 1}
    engine.license(terms=terms, forecast_at=INTERACTIONS, ends_on=NOW.date())
    steady(engine, 10)
    for day, expected in ((0, ["interactions"]), (1, [])):
        engine.refresh(now=NOW + day * DAY)
        assert open_alerts(engine) == expected
