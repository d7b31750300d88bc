"""The billing periods up to the current one."""

from datetime import date, timedelta
from itertools import pairwise

from allowance import License, Period
from hypothesis import given
from hypothesis import strategies as st

from core.licenses.load import LoadedLicense
from core.licenses.periods import last_periods
from core.licenses.tables import ContractVersion

TODAY = date(2026, 3, 15)


def version(number: int, effective_from: date, starts_on: date, period: str = "P1M") -> ContractVersion:
    return ContractVersion(
        license_id=1,
        version=number,
        effective_from=effective_from,
        starts_on=starts_on,
        billing_period=period,
        anchor="CONTRACT_DATE",
        terms={},
        at_risk={},
        warnings=False,
    )


def license(*versions: ContractVersion) -> LoadedLicense:
    return LoadedLicense(1, License("acme", "Acme", "Asia/Kolkata"), versions, TODAY)


def days(*periods: Period) -> list[tuple[date, date]]:
    assert {period.time_zone for period in periods} <= {"Asia/Kolkata"}
    return [(period.first, period.end) for period in periods]


def test_the_periods_go_back_to_the_one_in_which_the_first_contract_began() -> None:
    found = last_periods(license(version(1, date(2026, 1, 20), date(2026, 1, 1))), 12)
    assert days(*found) == [
        (date(2026, 1, 1), date(2026, 2, 1)),
        (date(2026, 2, 1), date(2026, 3, 1)),
        (date(2026, 3, 1), date(2026, 4, 1)),
    ]


def test_only_the_last_periods_are_returned() -> None:
    long = license(version(1, date(2020, 1, 1), date(2020, 1, 1)))
    assert days(*last_periods(long, 2)) == [
        (date(2026, 2, 1), date(2026, 3, 1)),
        (date(2026, 3, 1), date(2026, 4, 1)),
    ]


def test_a_new_contract_cuts_the_period_before_it_short() -> None:
    first, second = (
        version(1, date(2025, 1, 1), date(2025, 1, 1), "P1Y"),
        version(2, date(2026, 3, 10), date(2026, 3, 10)),
    )
    assert days(*last_periods(license(first, second), 12)) == [
        (date(2025, 1, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2026, 3, 10)),
        (date(2026, 3, 10), date(2026, 4, 10)),
    ]


def test_there_is_no_period_before_the_first_contract() -> None:
    assert last_periods(license(), 12) == []
    assert last_periods(license(version(1, TODAY + timedelta(days=1), TODAY)), 12) == []
    assert days(*last_periods(license(version(1, TODAY, TODAY)), 12)) == [(TODAY, date(2026, 4, 15))]


VERSIONS = st.lists(
    st.builds(
        version,
        st.just(1),
        st.dates(date(2024, 1, 1), date(2026, 6, 1)),
        st.dates(date(2023, 1, 1), date(2026, 6, 1)),
        st.sampled_from(["P1M", "P7D", "P1Y", "P3M"]),
    ),
    max_size=5,
)


@given(VERSIONS, st.integers(1, 40))
def test_periods_follow_each_other_without_gaps_up_to_the_one_of_today(
    versions: list[ContractVersion], most: int
) -> None:
    for number, each in enumerate(versions):
        each.version = number + 1
    found = last_periods(license(*versions), most)
    assert len(found) <= most
    assert all(before.end == after.first for before, after in pairwise(found))
    begun = [each.effective_from for each in versions if each.effective_from <= TODAY]
    assert bool(found) is bool(begun)
    if begun:
        assert TODAY in found[-1]
        assert len(found) == most or found[0].first <= min(begun)
