"""Putting licenses, contracts and grants: again is no change, at once is no conflict, wrong is nothing at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from core.administration.inputs import AdminInput
from core.consumption.tables import Snapshot
from core.errors import InvalidInput
from core.licenses.tables import Contract, Grant, License, LicenseAdmin
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun
from core.usage.tables import LateUsage
from tests.fixtures.engine import NOW, Engine, usage_event

TODAY = NOW.date()
DAY = timedelta(days=1)


def rows(engine: Engine, table: type[SQLModel]) -> list[Any]:
    with engine.database.read() as session:
        return list(session.exec(select(table)))


def refused(put: Callable[[], object]) -> list[tuple[str, tuple[str, ...], str]]:
    with pytest.raises(InvalidInput) as error:
        put()
    return [(problem.code, problem.path, problem.message) for problem in error.value.problems]


def test_a_new_license_has_an_empty_snapshot_and_is_due(engine: Engine) -> None:
    license_id = engine.license("acme", "Asia/Kolkata", name="Acme")
    [license] = rows(engine, License)
    assert license == License(
        id=license_id,
        key="acme",
        name="Acme",
        time_zone="Asia/Kolkata",
        search="acme\nacme",
        name_order="acme",
        created_at=NOW,
    )
    [snapshot] = rows(engine, Snapshot)
    assert (snapshot.license_id, snapshot.license_key, snapshot.version) == (license_id, "acme", 0)
    [run] = rows(engine, RefreshRun)
    assert (run.license_id, run.id, run.status, run.due_at) == (license_id, SCHEDULE, "QUEUED", NOW)


def test_a_license_put_again_is_the_same_license_with_what_is_new(engine: Engine) -> None:
    first = engine.license("acme", "UTC", name="Acme")
    engine.refresh()
    before = engine.snapshot()
    assert engine.license("acme", "UTC", name="Acme", now=NOW + DAY) == first
    assert engine.snapshot() == before
    assert engine.license("acme", "Asia/Kolkata", name="Acme & Söhne", now=NOW + DAY) == first
    [license] = rows(engine, License)
    assert (license.name, license.time_zone, license.created_at) == ("Acme & Söhne", "Asia/Kolkata", NOW)
    assert engine.snapshot().version == before.version + 1
    assert engine.snapshot().readings == before.readings


def test_keys_that_differ_in_case_are_two_licenses(engine: Engine) -> None:
    assert engine.license("acme") != engine.license("Acme")


def test_admins_are_replaced_as_a_whole_or_left_alone(engine: Engine) -> None:
    engine.license(admins=[AdminInput("b@example.org", "B", "fr"), AdminInput("a@example.org")])
    engine.license()
    assert {(one.email, one.name, one.language) for one in rows(engine, LicenseAdmin)} == {
        ("a@example.org", None, None),
        ("b@example.org", "B", "fr"),
    }
    engine.license(admins=[AdminInput("b@example.org")])
    assert [(one.email, one.name) for one in rows(engine, LicenseAdmin)] == [("b@example.org", "B")]
    engine.license(admins=[AdminInput("b@example.org", None)])
    assert [(one.name, one.language) for one in rows(engine, LicenseAdmin)] == [(None, "fr")]
    engine.license(admins=[])
    assert rows(engine, LicenseAdmin) == []


def test_a_wrong_license_leaves_nothing(engine: Engine) -> None:
    assert [path for _, path, _ in refused(lambda: engine.license("no key", "Nowhere"))] == [("key",), ("timeZone",)]
    engine.license("acme", "UTC")
    refused(lambda: engine.license("acme", "Nowhere", name="Changed"))
    [license] = rows(engine, License)
    assert license.name == "Acme"


def test_the_same_new_license_put_by_many_at_once_is_one_license(engine: Engine) -> None:
    start = Barrier(8)

    def put(number: int) -> int:
        start.wait()
        return engine.license("acme", "UTC", name=f"Acme {number}", admins=[AdminInput(f"{number}@example.org")])

    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(put, range(8)))

    [license] = rows(engine, License)
    assert ids == {license.id}
    # Whoever came last is there whole.
    assert [f"Acme {one.email[0]}" for one in rows(engine, LicenseAdmin)] == [license.name]
    assert len(rows(engine, Snapshot)) == len(rows(engine, RefreshRun)) == 1


def contract_on(engine: Engine, day: date) -> tuple[int, dict[str, Decimal]]:
    contract = engine.loaded().contract_on(day)
    return contract.version, dict(contract.terms)


def test_a_contract_version_holds_from_its_date_until_the_next(engine: Engine) -> None:
    engine.license()
    assert engine.contract("acme", {"forms": 1}, effective_from=date(2025, 1, 1)) == 1
    assert engine.contract("acme", {"forms": 3}, effective_from=date(2026, 1, 1)) == 2
    assert engine.contract("acme", {"forms": 2}, effective_from=date(2025, 7, 1)) == 3
    assert contract_on(engine, date(2024, 12, 31)) == (0, {})
    assert contract_on(engine, date(2025, 1, 1)) == (1, {"forms": Decimal(1)})
    assert contract_on(engine, date(2025, 6, 30)) == (1, {"forms": Decimal(1)})
    assert contract_on(engine, date(2025, 7, 1)) == (3, {"forms": Decimal(2)})
    assert contract_on(engine, date(2025, 12, 31)) == (3, {"forms": Decimal(2)})
    assert contract_on(engine, date(2026, 1, 1)) == (2, {"forms": Decimal(3)})


def test_a_contract_with_the_same_date_takes_the_place_of_the_one_before(engine: Engine) -> None:
    engine.license()
    engine.contract("acme", {"forms": 1})
    engine.contract("acme", {"forms": 2})
    assert contract_on(engine, date(2026, 1, 1)) == (2, {"forms": Decimal(2)})
    assert engine.contract("acme", {"forms": 1}) == 3
    assert contract_on(engine, date(2026, 1, 1)) == (3, {"forms": Decimal(1)})


SAME: dict[str, Any] = {
    "effective_from": date(2026, 1, 1),
    "starts_on": date(2025, 1, 1),
    "at_risk": {"forms": "0.5"},
    "billing_period": "P3M",
    "anchor": "CALENDAR_YEAR",
    "warnings": True,
}


def test_the_same_contract_again_is_no_new_version_however_its_numbers_are_written(engine: Engine) -> None:
    engine.license()
    assert engine.contract("acme", {"forms": 100, "users": "0"}, **SAME) == 1
    engine.refresh()
    assert engine.contract("acme", {"users": "0.00", "forms": "100.0"}, now=NOW, **SAME) == 1
    assert (
        engine.contract("acme", {"users": 0, "forms": "1E+2"}, now=NOW, **{**SAME, "at_risk": {"forms": "0.50"}}) == 1
    )
    assert len(rows(engine, Contract)) == 1
    assert rows(engine, LateUsage) == []


def test_further_ratios_are_the_same_in_any_order_and_no_ratios_are_none(engine: Engine) -> None:
    engine.license()
    assert engine.contract("acme", {"forms": 1}, alert_at={"forms": ["1.20", "0.5"], "users": []}) == 1
    assert engine.contract("acme", {"forms": 1}, alert_at={"forms": ["0.50", "1.2"]}) == 1
    [contract] = rows(engine, Contract)
    assert contract.alert_at == {"forms": ["0.5", "1.2"]}


@pytest.mark.parametrize(
    "change",
    [
        {"effective_from": date(2026, 1, 2)},
        {"starts_on": date(2025, 1, 2)},
        {"at_risk": {"forms": "0.51"}},
        {"at_risk": {}},
        {"alert_at": {"forms": ["0.5"]}},
        {"expiry_notice_days": (30,)},
        {"billing_period": "P1Y"},
        {"anchor": "CONTRACT_DATE"},
        {"warnings": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_contract_is_a_new_version(engine: Engine, change: dict[str, Any]) -> None:
    engine.license()
    engine.contract("acme", {"forms": 100}, **SAME)
    assert engine.contract("acme", {"forms": 100}, **{**SAME, **change}) == 2


def test_a_contract_has_the_past_measured_again_from_its_date(engine: Engine) -> None:
    engine.license()
    engine.contract("acme", {"forms": 1}, effective_from=date(2025, 5, 1), now=NOW)
    assert [(one.since, one.revision) for one in rows(engine, LateUsage)] == [(date(2025, 5, 1), 1)]
    engine.contract("acme", {"forms": 1}, effective_from=date(2026, 1, 1), now=NOW)
    assert [(one.since, one.revision) for one in rows(engine, LateUsage)] == [(date(2025, 5, 1), 2)]


def test_a_contract_for_nobody_or_with_anything_wrong_leaves_nothing(engine: Engine) -> None:
    assert refused(lambda: engine.contract("nobody", {"forms": 1})) == [
        ("UNKNOWN_LICENSE", ("license",), "No license 'nobody'. Put it first.")
    ]
    engine.license()
    assert refused(lambda: engine.contract("acme", {"forms": 1, "form": 2})) == [
        ("UNKNOWN_TERM", ("terms", "1", "key"), "No meter knows the term 'form'. Did you mean 'forms'?")
    ]
    assert rows(engine, Contract) == []


@pytest.mark.parametrize("key", ["", "no key", "\0", "\ud800", "x" * 5000])
def test_a_license_that_no_key_could_name_is_just_unknown(engine: Engine, key: str) -> None:
    assert [code for code, _, _ in refused(lambda: engine.contract(key, {}))] == ["UNKNOWN_LICENSE"]
    assert [code for code, _, _ in refused(lambda: engine.grant(key, "g", 1))] == ["UNKNOWN_LICENSE"]


def test_contracts_put_at_once_each_get_a_version_of_their_own_and_the_same_one_gets_one(engine: Engine) -> None:
    engine.license()
    start = Barrier(8)

    def put(number: int) -> int:
        start.wait()
        return engine.contract("acme", {"forms": number // 2}, effective_from=date(2026, 1, 1 + number // 2))

    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(put, range(8)))

    assert set(versions) == {1, 2, 3, 4}
    assert versions[0::2] == versions[1::2]


def test_a_grant_is_kept_as_it_was_given(engine: Engine) -> None:
    license_id = engine.license()
    expires = datetime(2026, 4, 1, tzinfo=UTC)
    engine.grant("acme", "é 1", "2.5", entity="be", granted_at=NOW - DAY, expires_at=expires, note="welcome")
    engine.grant("acme", "2", 10)
    kept = {one.id: one for one in rows(engine, Grant)}
    assert kept["é 1"] == Grant(
        license_id=license_id,
        id="é 1",
        meter="sms_credits",
        amount=Decimal("2.5"),
        entity="be",
        granted_at=NOW - DAY,
        expires_at=expires,
        note="welcome",
    )
    assert (kept["2"].granted_at, kept["2"].expires_at) == (NOW, None)


def test_granting_twice_grants_once(engine: Engine) -> None:
    engine.license()
    engine.license("other")
    engine.grant("acme", "g", 10, expires_at=NOW + 90 * DAY)
    engine.refresh()
    engine.grant("acme", "g", "10.00", expires_at=NOW + 90 * DAY, now=NOW + 2 * DAY)
    engine.grant("acme", "g", 10, granted_at=NOW, expires_at=NOW + 90 * DAY, now=NOW + 2 * DAY)
    engine.grant("other", "g", 10)
    assert [one.granted_at for one in rows(engine, Grant)] == [NOW, NOW]
    assert rows(engine, LateUsage) == []


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 11},
        {"entity": "be"},
        {"granted_at": NOW - DAY},
        {"expires_at": NOW + 2 * DAY},
        {"expires_at": None},
        {"note": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_id_with_other_content_is_a_conflict(engine: Engine, change: dict[str, Any]) -> None:
    engine.license()
    given: dict[str, Any] = {"amount": 10, "granted_at": NOW, "expires_at": NOW + DAY}
    engine.grant("acme", "g", **given)
    assert refused(lambda: engine.grant("acme", "g", **{**given, **change})) == [
        ("ID_CONFLICT", ("id",), "A grant 'g' was made before with other content. Give each grant its own id.")
    ]
    [kept] = rows(engine, Grant)
    assert (kept.amount, kept.expires_at) == (Decimal(10), NOW + DAY)


def test_a_grant_made_by_many_at_once_is_made_once(engine: Engine) -> None:
    engine.license()
    start = Barrier(8)

    def put(number: int) -> str:
        start.wait()
        try:
            engine.grant("acme", "g", 10 + number % 2, granted_at=NOW)
        except InvalidInput as error:
            return error.problems[0].code
        return "granted"

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(put, range(8)))

    assert answers == ["ID_CONFLICT"] * 4 + ["granted"] * 4
    assert len(rows(engine, Grant)) == 1


def test_credits_granted_for_the_past_pay_for_what_was_spent_then(engine: Engine) -> None:
    engine.license(terms={})
    engine.send(usage_event("sms.sent", time=NOW - 3 * DAY, quantity=7))
    engine.refresh()
    assert engine.past_readings(TODAY - DAY)["sms_credits"].status == "EXCEEDED"
    engine.grant("acme", "g", 10, granted_at=NOW - 5 * DAY, expires_at=NOW - DAY)
    engine.refresh(now=NOW + timedelta(hours=1))
    assert engine.reading("sms_credits").grants == {"g": Decimal(0)}
    assert [(used, status) for _, used, status in engine.history("sms_credits")] == [
        (0, "OK"), (0, "OK"), (7, "OK"), (7, "OK"), (0, "OK"), (0, "OK"),
    ]  # fmt: skip
