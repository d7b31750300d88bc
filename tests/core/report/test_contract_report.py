"""The figures of a report against the points of a history, whatever these are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import allowance
from allowance import Level
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.points import Point
from core.consumption.readings.status import UsageStatus, status_of
from core.licenses.load import LoadedLicense
from core.licenses.tables import Contract
from core.report.contract_report import MeterReport, contract_report

METER = Level(
    key="seats", section="s", title="Seats", description="Seats.", unit="seats", limit="seats", at_risk=Decimal("0.8")
)
FIRST = date(2026, 1, 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
amounts = st.integers(0, 300)


def license_with(limit: int, days: int) -> LoadedLicense:
    contract = Contract(
        license_id=1,
        version=1,
        effective_from=FIRST,
        starts_on=FIRST,
        billing_period="P1Y",
        anchor="CONTRACT_DATE",
        terms={"seats": str(limit)},
        at_risk={},
        alert_at={},
        warnings=False,
        expiry_notice_days=[],
        quotas={},
        created_at=NOW,
    )
    return LoadedLicense(1, allowance.License("acme", "Acme", "UTC"), (contract,), FIRST + timedelta(days=days - 1))


def report_on(levels: Sequence[int], limit: int, terms: dict[str, Decimal] | None = None) -> MeterReport:
    license = license_with(limit, len(levels))
    points = [
        Point(license.end_of(FIRST + timedelta(days=number)), Decimal(level), Decimal(limit), _status(level, limit))
        for number, level in enumerate(levels)
    ]
    found = contract_report(license, [METER], {"seats": points}, [], FIRST, license.today, Decimal("0.2"), terms)
    [one] = found.meters
    return one


def _status(level: int, limit: int) -> UsageStatus:
    return status_of(
        Decimal(level), allowance.Limit(Decimal(limit), f"{limit} seats"), METER.at_risk, METER.enforcement
    )


@given(levels=st.lists(amounts, min_size=1, max_size=40), limit=amounts)
def test_the_figures_are_those_of_a_plain_count(levels: list[int], limit: int) -> None:
    found = report_on(levels, limit)

    assert [one.used for one in found.days] == levels
    assert found.days_by_status == {
        status: sum(_status(level, limit) is status for level in levels) for status in UsageStatus
    }
    assert found.committed == limit
    assert found.used_at_end == levels[-1]
    assert found.peak is not None
    assert (found.peak.used, found.peak.day) == (max(levels), FIRST + timedelta(days=levels.index(max(levels))))
    assert found.overage == max(0, max(levels) - limit)
    crossed = [number for number, level in enumerate(levels) if _status(level, limit) is not UsageStatus.OK]
    assert (found.first_crossing is None) == (not crossed)
    assert found.first_crossing is None or found.first_crossing.date() == FIRST + timedelta(days=crossed[0])


@given(levels=st.lists(amounts, min_size=1, max_size=40), limit=amounts)
def test_under_the_suggested_limit_no_day_would_have_been_exceeded(levels: list[int], limit: int) -> None:
    suggestion = report_on(levels, limit).suggestion

    assert (suggestion is None) == (max(levels) == 0)
    if suggestion:
        better = report_on(levels, limit, {"seats": suggestion.limit})
        assert better.days_by_status[UsageStatus.EXCEEDED] == 0
        assert better.overage == 0


@given(levels=st.lists(amounts, min_size=1, max_size=40), limit=amounts, other=amounts)
def test_other_terms_give_the_report_of_a_license_that_always_had_them(
    levels: list[int], limit: int, other: int
) -> None:
    assert report_on(levels, limit, {"seats": Decimal(other)}) == report_on(levels, other)


def test_a_limit_that_the_meter_does_not_take_from_the_terms_stays() -> None:
    license = license_with(100, 1)
    point = Point(license.end_of(FIRST), Decimal(90), Decimal(77), UsageStatus.EXCEEDED)  # a limit of the meter's own

    found = contract_report(
        license, [METER], {"seats": [point]}, [], FIRST, FIRST, Decimal("0.2"), {"seats": Decimal(500)}
    )

    assert [(one.limit, one.status) for one in found.meters[0].days] == [(77, UsageStatus.EXCEEDED)]


def test_a_meter_without_usage_and_limit_is_left_out() -> None:
    other = replace(METER, key="other", limit="others")

    found = contract_report(license_with(100, 1), [METER, other], {}, [], FIRST, FIRST, Decimal("0.2"))

    assert found.meters == ()
