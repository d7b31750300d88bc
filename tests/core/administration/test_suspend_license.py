"""Licenses that are suspended and resumed."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from core.administration.suspend_license import resume_license, suspend_license
from core.consumption.current import load_current
from core.errors import InvalidInput
from core.licenses.state import LicenseState, Suspension
from core.licenses.tables import License
from tests.fixtures.engine import NOW, Engine, usage_event

LATER = NOW + timedelta(hours=1)


def suspend(engine: Engine, reason: str, by: str = "Ann", now: datetime = NOW) -> None:
    with engine.database.write() as session:
        suspend_license(session, "acme", reason, by=by, now=now)


def resume(engine: Engine) -> None:
    with engine.database.write() as session:
        resume_license(session, "acme")


def stored(engine: Engine) -> tuple[datetime | None, str | None, str | None, int, int]:
    with engine.database.read() as session:
        row = session.exec(select(License)).one()
    return row.suspended_at, row.suspended_because, row.suspended_by, row.revision, engine.snapshot().version


def test_suspending_again_changes_the_reason_alone_and_the_same_again_nothing(engine: Engine) -> None:
    engine.license(terms={"forms": 1})
    *_, revision, version = stored(engine)
    suspend(engine, "unpaid")
    suspend(engine, "unpaid", "Bob", LATER)
    assert stored(engine) == (NOW, "unpaid", "Ann", revision + 1, version + 1)
    suspend(engine, "fraud", "Bob", LATER)
    assert stored(engine) == (NOW, "fraud", "Bob", revision + 2, version + 2)
    for loaded in (engine.loaded(), load_current(engine.database, "acme", NOW).license):  # type: ignore[union-attr]
        assert loaded.suspension == Suspension(NOW, "fraud")
        assert loaded.state is LicenseState.SUSPENDED
    for _ in range(2):
        resume(engine)
        assert stored(engine) == (None, None, None, revision + 3, version + 3)
    assert engine.loaded().state is LicenseState.ACTIVE


@pytest.mark.parametrize("reason", ["", "x" * 501, "\0"])
def test_a_reason_that_cannot_be_stored_is_refused(engine: Engine, reason: str) -> None:
    engine.license()
    with pytest.raises(InvalidInput) as refused:
        suspend(engine, reason)
    assert [one.path for one in refused.value.problems] == [("reason",)]
    suspend(engine, "x" * 500)


def test_a_license_that_does_not_exist_is_refused(engine: Engine) -> None:
    for change in (lambda: suspend(engine, "unpaid"), lambda: resume(engine)):
        with pytest.raises(InvalidInput) as refused:
            change()
        assert [one.code for one in refused.value.problems] == ["UNKNOWN_LICENSE"]


def test_usage_of_a_suspended_license_is_counted_and_judged(engine: Engine) -> None:
    engine.license(terms={"forms": 1})
    suspend(engine, "unpaid")
    assert engine.send(usage_event("forms.level", value=9)).accepted == 1
    engine.refresh()
    assert (engine.reading("forms").used, engine.reading("forms").status) == (9, "EXCEEDED")


def test_a_suspended_license_without_a_contract_is_suspended(engine: Engine) -> None:
    engine.license()
    assert engine.loaded().state is LicenseState.NO_CONTRACT
    suspend(engine, "unpaid")
    assert engine.loaded().state is LicenseState.SUSPENDED
