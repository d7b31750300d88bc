"""Contracts that begin, end and are withdrawn: which version is in force on each day, and the periods of each day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import allowance
import pytest
from allowance import Period
from hypothesis import given
from hypothesis import strategies as st

from core.licenses.load import LoadedLicense
from core.licenses.tables import Contract

DAY = timedelta(days=1)
FIRST = date(2026, 1, 1)
ZONE = "Pacific/Auckland"


def version(
    number: int, effective_from: date, ends_on: date | None = None, period: str = "P1Y", starts_on: date = FIRST
) -> Contract:
    return Contract(
        license_id=1,
        version=number,
        effective_from=effective_from,
        ends_on=ends_on,
        starts_on=starts_on,
        billing_period=period,
        anchor="CONTRACT_DATE",
        terms={"forms": str(number)},
        at_risk={},
        warnings=False,
    )


def loaded(*versions: Contract, today: date = FIRST) -> LoadedLicense:
    return LoadedLicense(1, allowance.License("acme", "Acme", ZONE), versions, today)


def in_force(license: LoadedLicense, day: date) -> int | None:
    found = license.version_on(day)
    return found.version if found else None


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(2025, 12, 31), None),
        (date(2026, 1, 1), 1),
        (date(2026, 6, 30), 1),
        (date(2026, 7, 1), None),
        (date(2026, 8, 31), None),
        (date(2026, 9, 1), 2),
    ],
)
def test_a_contract_is_in_force_from_its_first_to_its_last_day(day: date, number: int | None) -> None:
    license = loaded(version(1, FIRST, date(2026, 6, 30)), version(2, date(2026, 9, 1)))
    assert in_force(license, day) == number
    assert license.contract_on(day).in_force is (number is not None)
    assert license.contract_on(day).version == (number or 0)


def test_once_the_newest_version_has_ended_no_earlier_version_comes_back() -> None:
    license = loaded(version(1, FIRST), version(2, date(2026, 3, 1), date(2026, 3, 31)))
    assert [in_force(license, day) for day in (date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1))] == [1, 2, None]


def test_a_version_of_the_same_day_decides_also_with_an_earlier_end() -> None:
    license = loaded(version(1, FIRST, date(2026, 12, 31)), version(2, FIRST, date(2026, 1, 31)))
    assert [in_force(license, day) for day in (date(2026, 1, 31), date(2026, 2, 1))] == [2, None]


def test_the_last_period_ends_with_the_contract_and_the_year_between_two_contracts_fills_the_gap() -> None:
    license = loaded(version(1, FIRST, date(2026, 6, 30)), version(2, date(2027, 3, 1), starts_on=date(2027, 3, 1)))
    assert [license.period_on(day) for day in (date(2026, 6, 30), date(2026, 7, 1), date(2027, 1, 1))] == [
        Period(FIRST, date(2026, 7, 1), ZONE),
        Period(date(2026, 7, 1), date(2027, 1, 1), ZONE),
        Period(date(2027, 1, 1), date(2027, 3, 1), ZONE),
    ]
    assert license.period_on(date(2027, 3, 1)).first == date(2027, 3, 1)


def test_the_next_turn_is_the_midnight_after_the_last_day_in_the_time_zone() -> None:
    license = loaded(version(1, FIRST, date(2026, 6, 30)))
    assert license.next_turn() == datetime(2026, 6, 30, 12, tzinfo=UTC)  # twelve hours ahead in June


_offsets = st.integers(0, 60)
_versions = st.lists(
    st.tuples(_offsets, st.none() | st.integers(0, 30), st.sampled_from(["P1M", "P1Y", "P7D"])), max_size=7
)


def _plain(versions: list[tuple[int, int | None, str]], offset: int) -> int | None:
    """The rule, once more: play the versions day by day; each takes over on its day, and its end leaves nothing."""
    standing: int | None = None
    last: int | None = None
    for today in range(offset + 1):
        if last is not None and today > last:
            standing = last = None
        for number, (begin, length, _) in enumerate(versions, 1):
            if begin == today:
                standing, last = number, None if length is None else begin + length
    return standing


@given(_versions)
def test_any_versions_are_in_force_as_played_day_by_day(versions: list[tuple[int, int | None, str]]) -> None:
    license = loaded(
        *(
            version(number, FIRST + begin * DAY, None if length is None else FIRST + (begin + length) * DAY, period)
            for number, (begin, length, period) in enumerate(versions, 1)
        ),
    )
    days = [FIRST + offset * DAY for offset in range(-3, 100)]
    for offset, day in enumerate(days, -3):
        assert in_force(license, day) == _plain(versions, offset), day
        assert day in license.period_on(day)
        contract = license.contract_on(day)
        assert dict(contract.terms) == ({} if not contract.in_force else {"forms": contract.version})
    for before, day in pairwise(days):
        was, now = in_force(license, before), in_force(license, day)
        if (was is None) != (now is None):  # a contract begins or ends here, and periods do not reach over it
            assert license.period_on(before).end == day
            assert now is not None or license.period_on(day).first == day
    firsts = license.period_firsts(days[0])
    assert firsts == sorted(
        {license.period_on(days[0] + n * DAY).first for n in range((license.today - days[0]).days + 1)}
    )
