"""The usage that meters are given: the same whichever way it is loaded, in as many statements for one as for many."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from allowance import Grant, LevelCell, Period, Usage

from core.administration.grant_credits import grant_credits
from core.administration.inputs import ContractInput, GrantInput, LicenseInput
from core.administration.put_contract import put_contract
from core.administration.put_license import put_license
from core.consumption.tables import Snapshot
from core.licenses.load import load_licenses
from core.licenses.tables import License, id_of
from core.measuring.load_usage import load_usage
from core.measuring.usage_range import UsageRange
from core.refresh.outlooks import make_outlooks
from core.refresh.refresh import plan_refresh, save_refresh
from core.refresh.scope import RefreshScope
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event

TODAY = NOW.date()
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
TERMS = {"profiles": 1000, "interactions_per_profile": 12, "custom_tables": 5}


def usage_of(engine: Engine, key: str = "acme", since: date | None = None, now: datetime = NOW) -> Usage:
    loaded = engine.loaded(key, now)
    with engine.database.read() as session:
        registry = engine.runtime.registry
        return load_usage(session, [UsageRange(loaded, since or loaded.today)], registry, now)[loaded.id].usage


def days_ago(number: int) -> datetime:
    return NOW - timedelta(days=number)


def test_the_total_of_a_period_is_the_sum_of_its_days(engine: Engine) -> None:
    engine.license("acme", "UTC", TERMS)
    engine.backfill(
        usage_event("interaction.sent", time="2025-12-31T23:59:59.999999Z", quantity=100),
        usage_event("interaction.sent", time="2026-01-01T00:00:00Z", quantity=10, entity="be"),
        usage_event("interaction.sent", time=days_ago(40), quantity=0.125, dimensions={"channel": "print"}),
        usage_event("interaction.sent", time=days_ago(1), quantity=2.5, dimensions={"channel": "print"}),
        usage_event("interaction.sent", quantity=0.000000001, entity="nl"),
    )
    today, since_new_year = usage_of(engine), usage_of(engine, since=date(2026, 1, 1))

    for usage in (today, since_new_year):
        assert usage.total("interaction.sent", YEAR) == Decimal("12.625000001")
        assert usage.total("interaction.sent", YEAR, entity="be") == Decimal(10)
        assert usage.totals("interaction.sent", YEAR, by="channel") == {
            "": Decimal("10.000000001"),
            "print": Decimal("2.625"),
        }
        assert usage.totals("interaction.sent", YEAR, by="entity") == {
            "": Decimal("2.625"),
            "be": Decimal(10),
            "nl": Decimal("1E-9"),
        }
    assert since_new_year.as_of(TODAY - timedelta(days=1)).total("interaction.sent", YEAR) == Decimal("12.625")
    assert since_new_year.as_of(date(2026, 1, 1)).total("interaction.sent", YEAR) == Decimal(10)
    assert [type(cell).__name__ for cell in today.cells()].count("SumCell") == 3  # one a series


def test_billions_on_several_days_add_up_to_their_sum(engine: Engine) -> None:
    engine.license("acme", "UTC", TERMS)
    for number in range(3):
        engine.send(usage_event("interaction.sent", time=days_ago(number), quantity=1_700_000_000.9))
    assert usage_of(engine).total("interaction.sent", YEAR) == Decimal("5100000002.7")
    assert usage_of(engine, since=TODAY - timedelta(days=5)).total("interaction.sent", YEAR) == Decimal("5100000002.7")


def test_nothing_is_loaded_from_after_today_though_it_is_known(engine: Engine) -> None:
    engine.license("acme", "UTC", TERMS)
    late_evening = datetime(2026, 3, 15, 23, 58, tzinfo=UTC)
    tomorrow = late_evening + timedelta(minutes=4)
    engine.send(usage_event("interaction.sent", time=tomorrow, quantity=7), now=late_evening)
    engine.send(usage_event("forms.level", time=tomorrow, value=7), now=late_evening)

    tonight, after_midnight = usage_of(engine, now=late_evening), usage_of(engine, now=tomorrow)

    assert tonight.total("interaction.sent", YEAR) == Decimal(0)
    assert tonight.level("forms.level") is None
    assert after_midnight.total("interaction.sent", YEAR) == Decimal(7)
    assert after_midnight.level("forms.level") == Decimal(7)


def test_a_level_stands_as_it_was_last_reported_however_long_ago(engine: Engine) -> None:
    engine.license()
    engine.backfill(
        usage_event("custom_tables.level", time="2019-05-01T00:00:00Z", value=3, dimensions={"type": "repository"}),
        usage_event("custom_tables.level", time=days_ago(10), value=4, entity="be"),
        usage_event("custom_tables.level", time=days_ago(3), value=2, entity="be"),
    )
    usage = usage_of(engine, since=TODAY - timedelta(days=5))

    assert usage.level("custom_tables.level") == Decimal(5)
    assert usage.level("custom_tables.level", on=TODAY - timedelta(days=4)) == Decimal(7)
    assert usage.levels("custom_tables.level", by="type") == {"": Decimal(2), "repository": Decimal(3)}
    assert usage_of(engine).inventory("custom_tables.level") == [
        LevelCell("custom_tables.level", TODAY, Decimal(3), "", {"type": "repository"}),
        LevelCell("custom_tables.level", TODAY, Decimal(2), "be", {}),
    ]


def test_what_is_counted_of_grants_is_loaded_by_day_from_the_first(engine: Engine) -> None:
    engine.license("acme", "Asia/Kolkata")
    engine.grant("acme", "g1", 100, granted_at=datetime(2020, 1, 1, tzinfo=UTC), entity="be")
    engine.grant("acme", "g2", "2.5", granted_at=days_ago(1), expires_at=NOW + timedelta(days=1))
    engine.backfill(
        usage_event("sms.sent", time="2020-02-01T18:30:00Z", quantity=3, entity="be"),
        usage_event("sms.sent", time=days_ago(1), quantity=4),
    )
    usage = usage_of(engine)

    assert usage.daily("sms.sent", by="entity") == {
        date(2020, 2, 2): {"be": Decimal(3)},
        TODAY - timedelta(days=1): {"": Decimal(4)},
    }
    assert set(usage.grants("sms_credits")) == {
        Grant("g1", Decimal(100), datetime(2020, 1, 1, tzinfo=UTC), None, "be", "Asia/Kolkata", "sms_credits"),
        Grant("g2", Decimal("2.5"), days_ago(1), NOW + timedelta(days=1), None, "Asia/Kolkata", "sms_credits"),
    }
    assert usage.grants("other_credits") == ()


def test_what_was_not_loaded_is_not_taken_for_nothing(engine: Engine) -> None:
    engine.license("acme", "UTC", TERMS)
    engine.backfill(usage_event("interaction.sent", time="2025-06-01T00:00:00Z"))
    with pytest.raises(LookupError):
        usage_of(engine).total("interaction.sent", Period(date(2025, 1, 1), date(2026, 1, 1)))


CHANGES: Mapping[str, Mapping[str, Any]] = {
    "an anchor": {"starts_on": date(2026, 3, 12)},
    "an earlier anchor": {"starts_on": date(2024, 6, 1)},
    "a duration": {"billing_period": "P10Y"},
    "a calendar year": {"starts_on": date(2026, 3, 12), "billing_period": "P4Y", "anchor": "CALENDAR_YEAR"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_day_since_is_loaded_with_the_whole_period_of_its_own_contract(
    engine: Engine, change: Mapping[str, Any]
) -> None:
    engine.license("acme", "UTC", TERMS, billing_period="P1M", effective_from=date(2020, 1, 1))
    engine.contract("acme", TERMS, effective_from=date(2026, 3, 12), **change)
    engine.backfill(*(usage_event("interaction.sent", time=days_ago(number)) for number in range(1500)))

    usage, loaded = usage_of(engine, since=date(2026, 3, 9)), engine.loaded()

    for day in (date(2026, 3, 9) + timedelta(days=number) for number in range(7)):
        period = loaded.contract_on(day).period
        counted_days = min((day - period.first).days + 1, (day - days_ago(1499).date()).days + 1)
        assert usage.as_of(day).total("interaction.sent", period) == Decimal(counted_days)


def put_many(engine: Engine, count: int, prefix: str) -> list[int]:
    """Licenses with a contract, a grant and late usage, in zones around the globe."""
    zones = ("UTC", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago")
    registry, ids = engine.runtime.registry, []
    terms = tuple((term, Decimal(value)) for term, value in TERMS.items())
    ahead = (("interactions", (Decimal(1),)), ("sms_credits", (Decimal("0.5"),)))
    with engine.database.write() as session:
        for number in range(count):
            key = f"{prefix}-{number}"
            ids.append(id_of(put_license(session, LicenseInput(key, "Many", zones[number % 4]), NOW)))
            contract = ContractInput(key, TODAY, date(2026, 1, 1), terms, forecast_at=ahead)
            put_contract(session, contract, registry, NOW)
            grant_credits(session, GrantInput("g", key, Decimal(10)), registry, NOW)
    engine.send(*(usage_event("interaction.sent", f"{prefix}-{n}", entity=f"{n}") for n in range(count)))
    engine.send(*(usage_event("forms.level", f"{prefix}-{n}", days_ago(1), value=n) for n in range(count)))
    return ids


def test_usage_is_loaded_in_as_many_statements_for_one_license_as_for_twenty(engine: Engine) -> None:
    counts = []
    for count in (1, 20):
        ids = put_many(engine, count, f"of-{count}")
        for since in (timedelta(), timedelta(days=20)):
            with engine.database.read() as session:
                loaded = load_licenses(session, ids, NOW)
                wanted = [UsageRange(one, one.today - since) for one in loaded.values()]
                with counted_statements(engine.database) as sent:
                    found = load_usage(session, wanted, engine.runtime.registry, NOW)
            assert [found[ids[n]].usage.total("interaction.sent", YEAR, entity=f"{n}") for n in range(count)] == [
                1
            ] * count
            assert [found[ids[n]].usage.level("forms.level") for n in range(count)] == list(range(count))
            counts.append(len(sent))
    assert counts[0] == counts[2]
    assert counts[1] == counts[3]
    assert max(counts) <= 6


def test_a_refresh_takes_as_many_statements_for_ten_licenses_as_for_forty(engine: Engine) -> None:
    counts: list[tuple[int, int]] = []
    registry = engine.runtime.registry
    for count in (10, 40):  # each with some whose history is thinned that day
        ids = put_many(engine, count, f"of-{count}")
        for now in (NOW, NOW + timedelta(hours=1), NOW + timedelta(days=1)):
            # The first has late usage to make up for, the last some days that ended.
            with counted_statements(engine.database) as planning, engine.database.read() as session:
                plan = plan_refresh(session, dict.fromkeys(ids, RefreshScope()), registry, now)
            answers = engine.runtime.measurer.measure(plan.questions)
            outlooks = make_outlooks(plan, answers)
            with counted_statements(engine.database) as saving, engine.database.write() as session:
                save_refresh(session, plan, answers, registry, outlooks=outlooks)
            counts.append((len(planning), len(saving)))
    assert counts[:3] == counts[3:]
    assert max(planned + saved for planned, saved in counts) <= 25


def test_a_batch_as_large_as_the_settings_allow_can_be_planned(engine: Engine) -> None:
    with engine.database.write() as session:
        session.add_all(License(id=number, key=f"k{number}", name="n", time_zone="UTC") for number in range(1, 1001))
        session.flush()
        session.add_all(
            Snapshot(license_id=number, license_key=f"k{number}", version=0, readings={}) for number in range(1, 1001)
        )
    with engine.database.read() as session:
        plan = plan_refresh(session, dict.fromkeys(range(1, 1001), RefreshScope()), engine.runtime.registry, NOW)
    assert len(plan.questions) == 1000 * len(engine.runtime.registry.meters)
    assert all(one is not other for one, other in pairwise(plan.usage.values()))
