"""Licenses are listed and counted by status, name, utilization, update, freshness and meter, page by page."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.consumption.list_licenses import LicenseCursor, LicenseFilter, LicenseOrder, count_licenses, list_licenses
from core.consumption.overview import NO_UTILIZATION, UTILIZATION_UNIT
from core.consumption.readings.status import UsageStatus
from core.consumption.view import Freshness
from core.licenses.tables import alphabetical
from core.times import microseconds
from tests.fixtures.engine import NOW, Engine, usage_event

OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN
NAME, UTILIZATION, UPDATED = LicenseOrder.NAME, LicenseOrder.UTILIZATION, LicenseOrder.UPDATED
LATER = NOW + timedelta(hours=1)
NAMES = {"a": "zebra", "b": "Écureuil", "c": "eagle", "d": "Eagle", "e": "été", "f": "Zoo"}


@pytest.fixture
def zoo(engine: Engine) -> Engine:
    """Licenses with 12, 8 and 3 of 10 profiles, one with a table of none, one without a limit, one never refreshed."""
    for key, name in NAMES.items():
        engine.license(key, name=name, terms={"profiles": 10} if key in "abc" else None)
    engine.contract("d", {"custom_tables": 0})
    engine.contract("e", {"forms": 1})
    for key, value in {"a": 8, "b": 12, "c": 3}.items():
        engine.send(usage_event("profiles.level", key, value=value))
    engine.send(usage_event("custom_tables.level", "d", value=1), usage_event("profiles.level", "e", value=1))
    engine.refresh("b", "c", "d", "e")
    engine.refresh("a", now=LATER)
    return engine


def keys(
    engine: Engine, order: LicenseOrder, *, most: int = 100, after: LicenseCursor | None = None, **filters: Any
) -> str:
    shown = LicenseFilter(filters.pop("now", LATER), **filters)
    with engine.database.read() as session:
        return "".join(row.key for _, row in list_licenses(session, shown, order=order, most=most, after=after))


def counts(engine: Engine, **filters: Any) -> tuple[int, ...]:
    with engine.database.read() as session:
        return tuple(count_licenses(session, LicenseFilter(filters.pop("now", LATER), **filters)).values())


def test_names_are_ordered_without_case_and_accents_and_equal_names_by_key(zoo: Engine) -> None:
    assert keys(zoo, NAME) == "cdbeaf"
    zoo.license("a", name="Aal")
    assert keys(zoo, NAME) == "acdbef"


def test_the_highest_utilization_of_a_limit_decides_and_licenses_without_a_limit_come_last(zoo: Engine) -> None:
    assert keys(zoo, UTILIZATION) == "bacdef"
    stored = {key: zoo.overview(key).utilization for key in NAMES}
    assert stored == {"a": 800_000, "b": 1_200_000, "c": 300_000, "d": -1, "e": -1, "f": -1}
    for key, utilization in stored.items():
        part = zoo.view(key).utilization
        assert (NO_UTILIZATION if part is None else part * UTILIZATION_UNIT) == utilization


def test_the_least_recent_update_comes_first(zoo: Engine) -> None:
    assert keys(zoo, UPDATED) == "fbcdea"
    for key in NAMES:
        updated_at = zoo.view(key).updated_at
        assert zoo.overview(key).updated_at == (microseconds(updated_at) if updated_at else 0)


def test_freshness_is_that_of_the_view_at_every_moment(zoo: Engine) -> None:
    moments = [NOW, LATER, *(NOW + timedelta(hours=hours) for hours in (2, 3, 25, 48, 49, 50, 1000))]
    for now in moments:
        for freshness in Freshness:
            expected = "".join(key for key in NAMES if zoo.view(key, now).freshness is freshness)
            assert keys(zoo, LicenseOrder.KEY, freshness=[freshness], now=now) == expected
    assert keys(zoo, LicenseOrder.KEY, freshness=[]) == ""
    assert keys(zoo, LicenseOrder.KEY, freshness=list(Freshness)) == "abcdef"
    assert counts(zoo, freshness=[Freshness.NEVER]) == (0, 0, 1, 0)


def test_a_meter_filters_by_its_own_status_and_leaves_out_what_the_contract_lacks(zoo: Engine) -> None:
    assert keys(zoo, LicenseOrder.KEY, meter="profiles") == "abce"
    assert keys(zoo, LicenseOrder.KEY, meter="profiles", statuses=[EXCEEDED]) == "b"
    assert keys(zoo, LicenseOrder.KEY, meter="profiles", statuses=[AT_RISK, OK]) == "ace"
    assert keys(zoo, LicenseOrder.KEY, meter="custom_tables", statuses=[EXCEEDED]) == "d"
    assert keys(zoo, LicenseOrder.KEY, meter="profiles", statuses=[]) == ""
    assert keys(zoo, LicenseOrder.KEY, meter="custom%tables") == ""
    assert keys(zoo, LicenseOrder.KEY, meter="file") == ""
    assert counts(zoo, meter="profiles") == (1, 1, 0, 2)


def test_counts_follow_all_filters_but_the_status(zoo: Engine) -> None:
    assert counts(zoo) == counts(zoo, statuses=[EXCEEDED]) == counts(zoo, statuses=[])
    by_view = [zoo.view(key).status for key in NAMES]
    assert counts(zoo) == tuple(by_view.count(status) for status in (EXCEEDED, AT_RISK, UNKNOWN, OK))
    assert counts(zoo, search="eagle") == (1, 0, by_view[2:4].count(UNKNOWN), by_view[2:4].count(OK))
    assert counts(zoo, search="\0") == (0, 0, 0, 0)


@pytest.mark.parametrize("order", LicenseOrder)
def test_pages_of_any_size_hold_every_license_once_in_order(zoo: Engine, order: LicenseOrder) -> None:
    whole = keys(zoo, order)
    for most in (1, 2, 5):
        found, after = "", None
        with zoo.database.read() as session:
            while rows := list_licenses(session, LicenseFilter(NOW), order=order, most=most, after=after):
                found += "".join(row.key for _, row in rows)
                after = rows[-1][1]
        assert found == whole


@pytest.mark.parametrize("order", LicenseOrder)
def test_a_page_goes_on_after_its_place_though_licenses_move_meanwhile(zoo: Engine, order: LicenseOrder) -> None:
    with zoo.database.read() as session:
        first = list_licenses(session, LicenseFilter(NOW), order=order, most=3)
    before = keys(zoo, order)
    zoo.send(usage_event("profiles.level", "a", value=1, time=LATER), now=LATER)
    zoo.license("a", name="Aardvark")
    zoo.refresh("a", now=LATER + timedelta(hours=1))
    rest = keys(zoo, order, after=first[-1][1])
    assert rest.replace("a", "") == before[3:].replace("a", "")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=2))
def test_names_that_differ_in_case_alone_have_the_same_place(names: list[str]) -> None:
    for name in names:
        assert alphabetical(name) == alphabetical(alphabetical(name))
        assert alphabetical(name.upper()) == alphabetical(name.upper().lower()) or not name.isascii()
