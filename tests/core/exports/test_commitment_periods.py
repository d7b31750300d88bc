"""The periods of contract commitments: exact ones, and that they fill each contract."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import allowance
from allowance import Counter, Level
from allowance.license import midnight as midnight_of
from hypothesis import given
from hypothesis import strategies as st

from core.exports.commitment_rows import commitment_rows
from core.exports.query import ExportQuery, check_query
from core.exports.rows import START
from core.licenses.load import LoadedLicense
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import Contract
from tests.core.exports.test_commitments import BRUSSELS, NAMES, world
from tests.core.exports.test_exports import exported
from tests.fixtures.engine import NOW, Engine

DAY: Final = timedelta(days=1)


def short(rows: Sequence[dict[str, Any]], meter: str) -> list[tuple[Any, ...]]:
    names = (
        "x_ContractVersion",
        "ContractCommitmentPeriodStart",
        "ContractCommitmentPeriodEnd",
        "ContractCommitmentQuantity",
    )
    return [tuple(row[name] for name in names) for row in rows if row["x_Meter"] == meter]


def midnight(*day: int) -> datetime:
    return midnight_of(date(*day), BRUSSELS)


def test_a_commitment_is_of_a_billing_period_as_far_as_its_version_is_in_force(engine: Engine) -> None:
    world(engine)
    rows = exported(engine, "commitments")
    assert short(rows, "profiles") == [
        (1, midnight(2026, 1, 15), midnight(2026, 2, 15), 100),
        (1, midnight(2026, 2, 15), midnight(2026, 3, 1), 100),
        (2, midnight(2026, 3, 1), midnight(2026, 3, 15), 200),
        (2, midnight(2026, 3, 15), midnight(2026, 4, 15), 200),  # the period that is running
    ]
    assert short(rows, "interactions")[1:3] == [
        (1, midnight(2026, 2, 15), midnight(2026, 3, 1), 250),
        (2, midnight(2026, 3, 1), midnight(2026, 3, 15), 500),
    ]


def test_a_commitment_of_a_hard_quota_is_of_a_window(engine: Engine) -> None:
    world(engine)
    assert short(exported(engine, "commitments"), "active_installations") == [
        (1, midnight(2026, 1, 15), datetime(2026, 2, 1, tzinfo=UTC), 10),
        (1, datetime(2026, 2, 1, tzinfo=UTC), midnight(2026, 3, 1), 10),
        (2, midnight(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC), 10),
        (2, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC), 10),
        (2, datetime(2026, 4, 1, tzinfo=UTC), midnight(2026, 4, 15), 10),
    ]


def test_days_choose_the_commitments_that_cover_a_part_of_them(engine: Engine) -> None:
    world(engine)
    rows = exported(engine, "commitments")
    assert exported(engine, "commitments", first=date(2026, 2, 20), last=date(2026, 2, 20)) == [
        row
        for row in rows
        if row["x_ContractVersion"] == 1 and row["ContractCommitmentPeriodEnd"] >= midnight(2026, 3, 1)
    ]
    assert exported(engine, "commitments", last=date(2026, 1, 14)) == []
    assert exported(engine, "commitments", first=date(2026, 4, 15)) == []


def test_a_contract_with_an_end_has_all_its_periods_and_one_without_the_first_if_it_begins_later(
    engine: Engine,
) -> None:
    terms = {"profiles": 100}
    engine.license("acme", BRUSSELS, terms, ends_on=date(2026, 12, 31), billing_period="P6M")
    engine.contract("acme", terms, effective_from=date(2027, 2, 1), starts_on=date(2027, 2, 1), ends_on=None)
    rows = exported(engine, "commitments")
    assert short(rows, "profiles") == [
        (1, midnight(2026, 1, 1), midnight(2026, 7, 1), 100),
        (1, midnight(2026, 7, 1), midnight(2027, 1, 1), 100),
        (2, midnight(2027, 2, 1), midnight(2027, 8, 1), 100),
    ]
    assert [row["x_ContractEndsOn"] for row in rows] == [date(2026, 12, 31), date(2026, 12, 31), None]


def test_withdrawn_versions_and_licenses_without_a_contract_have_no_commitments(engine: Engine) -> None:
    engine.license("beta")
    assert exported(engine, "commitments", "beta") == []


class Meters:
    """A registry of meters alone."""

    def __init__(self, *meters: allowance.Meter) -> None:
        self.meters = {meter.key: meter for meter in meters}


FIELDS: Final[dict[str, Any]] = {"section": "test", "title": "Test", "description": "A test.", "unit": "things"}
METERS: Any = Meters(
    Counter(key="counted", event="thing.used", limit="things", **FIELDS),
    Level(key="held", limit="things", **FIELDS),
    allowance.Admission(key="admitted", limit="things", **FIELDS),
)
_offsets = st.integers(0, 400)
_versions = st.lists(
    st.tuples(_offsets, st.none() | st.integers(0, 400), st.sampled_from(["P1M", "P1Y", "P7D", "P1D"])), max_size=4
)


@given(
    _versions,
    st.sampled_from(["Pacific/Auckland", "America/Los_Angeles", "UTC"]),
    st.sampled_from([None, "P1D", "P1M"]),
    _offsets,
    st.data(),
)
def test_commitments_fill_each_contract_without_a_gap_and_go_on_behind_any_row(
    versions: list[tuple[int, int | None, str]], zone: str, window: str | None, today: int, data: st.DataObject
) -> None:
    first = date(2024, 1, 31)  # before a leap day
    license = LoadedLicense(
        1,
        allowance.License("acme", "Acme", zone),
        tuple(
            Contract(
                license_id=1,
                version=number,
                effective_from=first + begin * DAY,
                ends_on=None if length is None else first + (begin + length) * DAY,
                starts_on=first,
                billing_period=period,
                anchor="CONTRACT_DATE",
                terms={"things": str(number)},
                at_risk={},
                warnings=False,
                quotas={"admitted": {"window": window}} if window else {},
            )
            for number, (begin, length, period) in enumerate(versions, 1)
        ),
        first + today * DAY,
    )
    query = check_query("commitments", "acme", None, None, None)
    found: list[Any] = list(commitment_rows(license, query, START, METERS))
    assert [position for position, _ in found] == sorted({position for position, _ in found})
    spans: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for _, values in found:
        row = dict(zip(NAMES, values, strict=False))
        spans[row["x_ContractVersion"], row["x_Meter"]].append(row)
    in_force = {version.version for day in range(1000) if (version := license.version_on(first + day * DAY))}
    assert set(spans) == {(version, meter) for version in in_force for meter in METERS.meters}
    for rows in spans.values():
        assert rows[0]["ContractCommitmentPeriodStart"] == rows[0]["ContractPeriodStart"]
        assert rows[-1]["ContractCommitmentPeriodEnd"] == rows[-1]["ContractPeriodEnd"]
        ends = [row["ContractCommitmentPeriodEnd"] for row in rows]
        assert ends[:-1] == [row["ContractCommitmentPeriodStart"] for row in rows[1:]]
        for row in rows:
            start, end = row["ContractCommitmentPeriodStart"], row["ContractCommitmentPeriodEnd"]
            assert start < end
            day = license.day_of(start)
            version = license.version_on(day)
            assert version
            assert row["ContractCommitmentQuantity"] == version.version == row["x_ContractVersion"]
    if found:
        number = data.draw(st.integers(0, len(found) - 1))
        assert list(commitment_rows(license, query, found[number][0], METERS)) == found[number + 1 :]
        some_day = license.day_of(found[number][1][6])
        one_day = ExportQuery(query.kind, "acme", some_day, some_day, None)
        chosen = [
            row for row in found if row[1][6] <= license.end_of(some_day) and row[1][5] > license.start_of(some_day)
        ]
        assert list(commitment_rows(license, one_day, START, METERS)) == chosen


def test_the_commitment_of_today_is_the_limit_of_the_reading(engine: Engine) -> None:
    world(engine)
    engine.contract(
        "acme",
        {"profiles": "7.5", "interactions_per_profile": "0.1", "active_installations": 10},
        effective_from=date(2026, 3, 10),
        starts_on=date(2026, 1, 15),
        quotas=(("active_installations", QuotaTerms(window="P10D")),),
    )
    engine.refresh()
    limits = {key: reading.limit for key, reading in engine.readings().items() if reading.limit is not None}
    rows = exported(engine, "commitments")
    today = [row for row in rows if row["ContractCommitmentPeriodStart"] <= NOW < row["ContractCommitmentPeriodEnd"]]
    assert {row["x_Meter"]: row["ContractCommitmentQuantity"] for row in today} == {
        meter: limit for meter, limit in limits.items() if meter != "retention"
    }
    assert len(today) == 3
