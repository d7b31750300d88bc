"""Licenses with their contracts as meters see them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import allowance
from allowance import Period

from core.licenses.load import LoadedLicense, load_licenses
from core.licenses.tables import Contract
from tests.fixtures.engine import NOW, Engine, counted_statements

LICENSE = allowance.License("acme", "Acme", "Asia/Kolkata")


def version(number: int, effective_from: date, starts_on: date = date(2026, 1, 31), period: str = "P1M") -> Contract:
    return Contract(
        license_id=1,
        version=number,
        effective_from=effective_from,
        starts_on=starts_on,
        billing_period=period,
        anchor="CONTRACT_DATE",
        terms={"forms": "12.5"},
        at_risk={"forms": "0.5"},
        warnings=False,
    )


def loaded(*versions: Contract, today: date = date(2026, 3, 15)) -> LoadedLicense:
    return LoadedLicense(1, LICENSE, versions, today)


def test_a_contract_is_seen_with_exact_terms_and_the_period_of_the_day() -> None:
    assert loaded(version(1, date(2026, 1, 1))).contract_on(date(2026, 2, 28)) == allowance.Contract(
        version=1,
        period=Period(date(2026, 2, 28), date(2026, 3, 31), "Asia/Kolkata"),
        terms={"forms": Decimal("12.5")},
        at_risk={"forms": Decimal("0.5")},
    )


def test_without_a_contract_there_are_no_terms_and_calendar_years() -> None:
    for license in (loaded(), loaded(version(1, date(2026, 4, 1)))):
        assert license.contract_on(date(2025, 7, 1)) == allowance.Contract(
            0, Period(date(2025, 1, 1), date(2026, 1, 1), "Asia/Kolkata")
        )


def test_the_next_turn_is_the_end_of_the_period_or_the_next_contract_at_midnight_there() -> None:
    of_march = datetime(2026, 3, 30, 18, 30, tzinfo=UTC)
    assert loaded(version(1, date(2026, 1, 1))).next_turn() == of_march
    next_contract = version(2, date(2026, 3, 16))
    assert loaded(version(1, date(2026, 1, 1)), next_contract).next_turn() == datetime(2026, 3, 15, 18, 30, tzinfo=UTC)
    today = version(2, date(2026, 3, 15))
    assert loaded(version(1, date(2026, 1, 1)), today).next_turn() == of_march
    assert loaded().next_turn() == datetime(2026, 12, 31, 18, 30, tzinfo=UTC)


def test_a_day_ends_at_its_last_instant_in_the_time_zone() -> None:
    assert loaded().end_of(date(2026, 3, 15)) == datetime(2026, 3, 15, 18, 29, 59, 999999, tzinfo=UTC)


def test_what_is_counted_begins_with_the_earliest_of_the_periods_since() -> None:
    license = loaded(
        version(1, date(2026, 1, 1)),
        version(2, date(2026, 3, 10), date(2024, 12, 1), "P1Y"),
        version(3, date(2026, 3, 12), date(2026, 3, 12)),
        version(4, date(2026, 4, 1), date(2020, 1, 1), "P10Y"),
    )
    assert license.period_firsts(date(2026, 3, 13))[0] == date(2026, 3, 12)
    assert license.period_firsts(date(2026, 3, 10))[0] == date(2025, 12, 1)
    assert license.period_firsts(date(2026, 2, 1))[0] == date(2025, 12, 1)
    assert license.period_firsts(date(2025, 11, 30))[0] == date(2025, 1, 1)


def test_any_number_of_licenses_is_loaded_in_two_statements_each_with_its_own_today(engine: Engine) -> None:
    zones = {"tokyo": "Asia/Tokyo", "hawaii": "Pacific/Honolulu", "utc": "UTC"}
    ids = {key: engine.license(key, zone, {"forms": 1}) for key, zone in zones.items()}
    evening = NOW.replace(hour=22)
    with engine.database.read() as session, counted_statements(engine.database) as sent:
        found = load_licenses(session, [*ids.values(), 10**9], evening)
    assert len(sent) == 2
    assert {one.license.key: (one.id, one.today) for one in found.values()} == {
        "tokyo": (ids["tokyo"], date(2026, 3, 16)),
        "hawaii": (ids["hawaii"], date(2026, 3, 15)),
        "utc": (ids["utc"], date(2026, 3, 15)),
    }
    assert [one.contract_on(one.today).version for one in found.values()] == [1, 1, 1]
    assert found[ids["utc"]].contract_on(date(2025, 12, 31) - timedelta(days=1)).version == 0
