"""Sixteen processes on one database, and quotas that fill while they run: exact, whatever the concurrency."""

from collections import defaultdict
from collections.abc import Sequence
from time import monotonic

import pytest
from sqlmodel import select

from core.admission.tables import AdmissionDay, AdmissionWindow, Installation
from tests.core.admission.crowd import PROCESSES, Answer, Drawing, crowd
from tests.e2e.processes import eventually
from tests.fixtures.engine import Engine


def check(answers: Sequence[Answer], places: int) -> None:
    """Each place is given once, exactly as many as there are, and nobody who was told of one is refused after that."""
    told = defaultdict(list)
    for answer in answers:
        told[answer.installation].append(answer)
    admitted = [answer for answer in answers if answer.decision == "ADMITTED"]
    assert len(admitted) == len({answer.installation for answer in admitted}) == min(places, len(told))
    for given in told.values():
        has_place = min((one.ended for one in given if one.decision != "BACK_OFF"), default=float("inf"))
        assert not [one for one in given if one.decision == "BACK_OFF" and one.began > has_place]
        assert has_place == float("inf") or any(one.decision == "ADMITTED" for one in given)


@pytest.mark.timeout(240)
def test_a_quota_that_fills_under_sixteen_processes_is_exact(engine: Engine) -> None:
    license_id = engine.license("acme", terms={"active_installations": 300})
    answers = crowd(str(engine.runtime.settings.database_url), "acme", Drawing(900, threads=4, check_ins=25))
    assert len(answers) == PROCESSES * 25 * 4
    check(answers, 300)
    installations = {answer.installation for answer in answers}
    with engine.database.read() as session:
        counter = session.exec(select(AdmissionWindow).where(AdmissionWindow.license_id == license_id)).one()
        rows = session.exec(select(Installation).where(Installation.license_id == license_id)).all()
        days = session.exec(select(AdmissionDay.admitted).where(AdmissionDay.license_id == license_id)).all()
    assert (counter.used, counter.new, counter.quota, counter.places) == (300, 300, 300, 300)
    assert sum(days) == 300
    with_place = {row.identifier for row in rows if row.place is not None}
    assert with_place == {answer.installation for answer in answers if answer.decision == "ADMITTED"}
    assert counter.refused == len(installations) - 300
    assert len(rows) == len(installations)


@pytest.mark.timeout(240)
def test_a_quota_that_is_raised_and_lowered_while_sixteen_processes_run_is_exact(engine: Engine) -> None:
    license_id = engine.license("acme", terms={"active_installations": 20})
    lowered: list[float] = []

    def used() -> int:
        with engine.database.read() as session:
            of_license = select(AdmissionWindow.used).where(AdmissionWindow.license_id == license_id)
            return session.exec(of_license).first() or 0

    def meanwhile() -> None:
        """Raise it each time that it is full, and in the end lower it far below what is used."""
        eventually(lambda: used() == 20)
        for quota in (60, 100, 150):
            engine.contract("acme", {"active_installations": quota})
            eventually(lambda quota=quota: used() == quota)
        engine.contract("acme", {"active_installations": 10})
        lowered.append(monotonic())

    url = str(engine.runtime.settings.database_url)
    answers = crowd(url, "acme", Drawing(900, threads=3), meanwhile)
    assert used() == 150
    check(answers, 150)
    assert not [one for one in answers if one.decision == "ADMITTED" and one.began > lowered[0]]
    assert any(one.decision == "BACK_OFF" for one in answers)
