"""A forecast of credits alerts when the last credit is expected to be spent before the billing period ends."""

from decimal import Decimal
from typing import Any, Final

import pytest
from sqlmodel import col, select

from core.alerts.tables import ForecastAlert
from tests.core.alerts.test_forecasts import DAY, HOUR, MIDNIGHT, open_alerts, told
from tests.fixtures.engine import NOW, Engine, usage_event

SPENT: Final = 10
"""Credits that are spent each day."""
METER: Final = "sms_credits"
SINCE: Final = MIDNIGHT - 60 * DAY
MONTHLY: Final[dict[str, Any]] = {"billing_period": "P1M", "forecast_at": ((METER, (Decimal("0.5"), Decimal(1))),)}


def spend(engine: Engine, days: int = 60) -> None:
    engine.backfill(
        *(
            usage_event("sms.sent", time=MIDNIGHT - number * DAY + 12 * HOUR, quantity=SPENT)
            for number in range(days, 0, -1)
        )
    )


def alerts(engine: Engine) -> list[ForecastAlert]:
    with engine.database.read() as session:
        return list(session.exec(select(ForecastAlert).order_by(col(ForecastAlert.ratio))))


@pytest.fixture
def acme(engine: Engine) -> Engine:
    """A license whose billing period ends on 1 April, and which spends ten credits a day."""
    engine.license(terms={}, **MONTHLY)
    spend(engine)
    return engine


def test_the_last_credit_is_expected_to_be_spent_before_the_period_ends(acme: Engine) -> None:
    acme.grant("acme", "a", 700, granted_at=SINCE, now=SINCE)  # 100 are left, for ten days from this midnight on
    acme.refresh()
    half, full = alerts(acme)
    assert (half.ratio, full.ratio, full.limit, full.used) == (Decimal("0.5"), 1, 700, 600)
    assert full.expected == 765  # 16.5 days later, as is stated beside the limit of what was granted
    assert full.exceeds_at is not None
    assert abs(full.exceeds_at - (NOW + 10 * DAY)) < HOUR
    assert (full.period_first, full.period_end) == (NOW.date().replace(day=1), NOW.date().replace(month=4, day=1))


def test_credits_that_last_beyond_the_period_alert_nobody_of_the_last(acme: Engine) -> None:
    acme.grant("acme", "a", 800, granted_at=SINCE, now=SINCE)
    acme.refresh()
    assert [alert.ratio for alert in alerts(acme)] == [Decimal("0.5")]


def test_credits_that_expire_unspent_have_their_notices_and_no_alert(acme: Engine) -> None:
    acme.grant("acme", "a", 700, granted_at=SINCE, expires_at=NOW + 5 * DAY, now=SINCE)
    acme.refresh()
    assert Decimal(1) not in [alert.ratio for alert in alerts(acme)]


def test_another_grant_closes_the_alert_after_three_days_and_may_alert_anew(acme: Engine) -> None:
    acme.grant("acme", "a", 700, granted_at=SINCE, now=SINCE)
    acme.refresh()
    acme.grant("acme", "b", 1300, granted_at=NOW, now=NOW)
    for day in range(4):
        assert open_alerts(acme) == [METER] * 2
        acme.refresh(now=NOW + day * DAY + HOUR)
    assert open_alerts(acme) == []
    assert [kind for kind, _ in told(acme)] == ["forecast.crossed", "forecast.recovered"]


def test_credits_that_are_gone_do_not_count_as_clear(acme: Engine) -> None:
    acme.grant("acme", "a", 610, granted_at=SINCE, now=SINCE)
    acme.refresh()
    acme.backfill(usage_event("sms.sent", time=NOW, quantity=SPENT))
    for day in range(6):
        acme.refresh(now=NOW + day * DAY + HOUR)
    assert open_alerts(acme) == [METER] * 2
