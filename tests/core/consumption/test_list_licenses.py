"""Pages of licenses: every license once, in order, whatever is searched for."""

from typing import Any

import pytest

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.consumption.list_licenses import LicenseCursor, LicenseFilter, LicenseOrder, list_licenses
from core.consumption.readings.status import SEVERITY, UsageStatus
from tests.fixtures.engine import NOW, Engine, usage_event

OK, AT_RISK, EXCEEDED, UNKNOWN = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED, UsageStatus.UNKNOWN
WORST, BY_KEY = LicenseOrder.WORST_FIRST, LicenseOrder.KEY


def put(engine: Engine, *licenses: tuple[str, str]) -> None:
    with engine.database.write() as session:
        for key, name in licenses:
            put_license(session, LicenseInput(key, name), NOW)


def keys(engine: Engine, order: LicenseOrder = WORST, most: int = 100, **rest: Any) -> list[str]:
    with engine.database.read() as session:
        after = rest.pop("after", None)
        shown = LicenseFilter(NOW, **rest)
        return [place.key for _, place in list_licenses(session, shown, order=order, most=most, after=after)]


def pages(engine: Engine, order: LicenseOrder, most: int) -> list[str]:
    found: list[str] = []
    after: LicenseCursor | None = None
    with engine.database.read() as session:
        while page := list_licenses(session, LicenseFilter(NOW), order=order, most=most, after=after):
            assert len(page) <= most
            found += [place.key for _, place in page]
            after = page[-1][1]
    return found


@pytest.fixture
def ranked(engine: Engine) -> Engine:
    """Two licenses exceeded, one at risk, the others unknown; their keys are in no order of that."""
    put(engine, *((key, key) for key in ("Zeta", "alpha", "b_1", "b-1", "b.1", "beta", "gamma", "0")))
    for key in ("beta", "Zeta", "gamma"):
        engine.contract(key, {"profiles": 10})
    engine.send(
        usage_event("profiles.level", "beta", value=11),
        usage_event("profiles.level", "Zeta", value=12),
        usage_event("profiles.level", "gamma", value=8),
    )
    engine.refresh("Zeta", "alpha", "beta", "gamma")
    return engine


def test_the_worst_come_first_and_the_same_by_key(ranked: Engine) -> None:
    assert keys(ranked) == ["Zeta", "beta", "gamma", "0", "alpha", "b-1", "b.1", "b_1"]


def test_keys_are_ordered_by_code_points_on_every_database(ranked: Engine) -> None:
    assert keys(ranked, BY_KEY) == ["0", "Zeta", "alpha", "b-1", "b.1", "b_1", "beta", "gamma"]


@pytest.mark.parametrize("order", LicenseOrder)
def test_pages_hold_every_license_once(ranked: Engine, order: LicenseOrder) -> None:
    for most in (1, 2, 3, 8, 9):
        assert pages(ranked, order, most) == keys(ranked, order)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([EXCEEDED], ["Zeta", "beta"]),
        ([AT_RISK, EXCEEDED], ["Zeta", "beta", "gamma"]),
        ([UNKNOWN], ["0", "alpha", "b-1", "b.1", "b_1"]),
        ([OK], []),
        ([], []),
    ],
)
def test_only_those_with_the_statuses_asked_for(
    ranked: Engine, statuses: list[UsageStatus], expected: list[str]
) -> None:
    assert keys(ranked, statuses=statuses) == expected


def test_a_page_goes_on_after_its_place_though_the_license_there_is_gone_or_moved(ranked: Engine) -> None:
    assert keys(ranked, after=LicenseCursor(SEVERITY[EXCEEDED], "aaa")) == keys(ranked)[1:]
    assert keys(ranked, after=LicenseCursor(SEVERITY[UNKNOWN], "b")) == ["b-1", "b.1", "b_1"]
    assert keys(ranked, BY_KEY, after=LicenseCursor(0, "b.")) == ["b.1", "b_1", "beta", "gamma"]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("acme", ["acme-1", "x"]),
        ("ACME", ["acme-1", "x"]),
        ("e-1", ["acme-1"]),
        ("100%", ["percent"]),
        ("%", ["percent"]),
        ("_", ["under_score"]),
        ("\\", ["back"]),
        ("sÖhne", ["x"]),
        ("école", ["school"]),
        ("ÉCOLE", ["school"]),
        ("", ["acme-1", "back", "percent", "school", "under_score", "x"]),
        ("nothing like it", []),
        ("\0", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search_finds_part_of_a_key_or_a_name_in_any_case(engine: Engine, search: str, expected: list[str]) -> None:
    put(
        engine,
        ("acme-1", "First"),
        ("x", "Acme & Söhne"),
        ("percent", "100% cotton"),
        ("under_score", "Plain"),
        ("back", "a\\b"),
        ("school", "École supérieure"),
    )
    assert keys(engine, BY_KEY, search=search) == expected
