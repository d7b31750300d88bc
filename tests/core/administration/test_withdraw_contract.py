"""Contract versions that are taken back."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from core.administration.withdraw_contract import withdraw_contract
from core.errors import InvalidInput
from core.licenses.tables import Contract, License
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun
from tests.core.refresh.common import late_marks
from tests.fixtures.engine import NOW, Engine, usage_event

TODAY = NOW.date()
DAY = timedelta(days=1)


def withdraw(engine: Engine, version: int, *, begun: bool = False) -> None:
    with engine.database.write() as session:
        withdraw_contract(session, "acme", version, begun=begun, by="Ann", now=NOW)


def in_force(engine: Engine, day: date) -> int | None:
    version = engine.loaded().version_on(day)
    return version.version if version else None


def revision(engine: Engine) -> int:
    with engine.database.read() as session:
        return session.exec(select(License.revision)).one()


def test_a_version_to_come_is_taken_back_once_with_who_did_it(engine: Engine) -> None:
    engine.license(terms={"forms": 1})
    engine.contract("acme", {"forms": 2}, effective_from=TODAY + DAY)
    before = engine.snapshot().version, revision(engine)
    withdraw(engine, 2)
    after = engine.snapshot().version, revision(engine)
    assert after == (before[0] + 1, before[1] + 1)
    assert in_force(engine, TODAY + DAY) == 1
    assert [version.version for version in engine.loaded().versions] == [1]
    withdraw(engine, 2)
    assert (engine.snapshot().version, revision(engine)) == after
    with engine.database.read() as session:
        row = session.exec(select(Contract).where(Contract.version == 2)).one()
        assert (row.withdrawn_at, row.withdrawn_by) == (NOW, "Ann")
        assert session.exec(select(RefreshRun).where(RefreshRun.id == SCHEDULE)).one().due_at == NOW
    assert late_marks(engine) == set()


def test_the_number_of_a_withdrawn_version_is_not_used_again_and_the_same_content_is_a_new_version(
    engine: Engine,
) -> None:
    engine.license(terms={"forms": 1})
    withdraw(engine, 1, begun=True)
    assert in_force(engine, TODAY) is None
    assert engine.contract("acme", {"forms": 1}) == 2
    assert in_force(engine, TODAY) == 2


@pytest.mark.parametrize(("effective_from", "begun"), [(TODAY + DAY, False), (TODAY, True), (TODAY - DAY, True)])
def test_a_version_that_has_begun_is_taken_back_by_name_only(engine: Engine, effective_from: date, begun: bool) -> None:
    license_id = engine.license(terms={"forms": 1})
    engine.contract("acme", {"forms": 2}, effective_from=effective_from)
    if begun:
        with pytest.raises(InvalidInput) as refused:
            withdraw(engine, 2)
        assert [(one.code, one.path, one.message) for one in refused.value.problems] == [
            (
                "CONTRACT_BEGUN",
                ("version",),
                f"Version 2 has begun on {effective_from}. Set begun to withdraw it nevertheless.",
            )
        ]
        assert in_force(engine, TODAY) == 2
    withdraw(engine, 2, begun=begun)
    assert in_force(engine, TODAY + DAY) == 1
    assert late_marks(engine) == ({(license_id, effective_from)} if effective_from < TODAY else set())


def test_whether_a_version_has_begun_follows_the_time_zone_of_the_license(engine: Engine) -> None:
    engine.license(time_zone="Pacific/Kiritimati", terms={"forms": 1})  # where it is the 16th already
    engine.contract("acme", {"forms": 2}, effective_from=date(2026, 3, 16))
    with pytest.raises(InvalidInput):
        withdraw(engine, 2)


def test_an_unknown_version_or_license_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(InvalidInput) as refused:
        withdraw(engine, 1)
    assert [one.code for one in refused.value.problems] == ["UNKNOWN_LICENSE"]
    engine.license(terms={"forms": 1})
    with pytest.raises(InvalidInput) as refused:
        withdraw(engine, 7)
    assert [(one.code, one.message) for one in refused.value.problems] == [
        ("UNKNOWN_VERSION", "No contract version 7 of license 'acme'. Its versions are: 1.")
    ]


def test_readings_alerts_and_history_follow(engine: Engine) -> None:
    engine.license(terms={"forms": 100})
    engine.send(usage_event("forms.level", value=9, time=NOW - 2 * DAY))
    engine.contract("acme", {"forms": 5}, effective_from=TODAY - DAY, now=NOW)
    engine.refresh(now=NOW - 2 * DAY)
    engine.refresh()
    assert [status for _, _, status in engine.history("forms")][-2:] == ["EXCEEDED", "EXCEEDED"]
    withdraw(engine, 2, begun=True)
    engine.refresh()
    assert engine.reading("forms").limit == 100
    assert {status for _, _, status in engine.history("forms")} == {"OK"}
