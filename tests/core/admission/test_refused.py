"""Check-ins of licenses that are suspended, or without a contract in force: nobody is served, place or not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.administration.suspend_license import resume_license, suspend_license
from core.administration.withdraw_contract import withdraw_contract
from core.admission.admitter import Admitter
from core.admission.check_in import CheckIn, CheckInRequest, Decision
from core.errors import Unavailable
from core.licenses.quota_terms import QuotaTerms
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW, new_key
from tests.fixtures.outage import away
from tests.forms import examples
from tests.services.finder import Services

Quota = Callable[..., int]
ADMITTED, KNOWN, BACK_OFF, REFUSED = (decision.value for decision in Decision)
NO_CONTRACT = CheckIn(Decision.REFUSED, reason="No contract of the license is in force.")
SUSPENDED = CheckIn(Decision.REFUSED, reason="The license is suspended: unpaid")
INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def suspend(desk: Desk, reason: str = "unpaid") -> None:
    with desk.engine.database.write() as session:
        suspend_license(session, desk.license, reason, by="test", now=desk.now)


def resume(desk: Desk) -> None:
    with desk.engine.database.write() as session:
        resume_license(session, desk.license)


def withdraw(desk: Desk, version: int) -> None:
    with desk.engine.database.write() as session:
        withdraw_contract(session, desk.license, version, begun=True, by="test", now=desk.now)


def test_before_a_first_contract_nobody_is_served_and_nothing_is_recorded(desk: Desk) -> None:
    desk.engine.license("acme")
    assert [desk.check_in("a"), desk.check_in("a"), desk.check_in("b")] == [NO_CONTRACT] * 3
    assert (desk.rows(), desk.windows()) == ([], [])
    assert desk.whole_report()


def test_a_contract_in_force_without_the_term_admits_everybody(desk: Desk) -> None:
    desk.engine.license("acme", terms={"forms": 1})
    assert desk.check_in("a") == CheckIn(Decision.ADMITTED)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_check_ins_are_served_from_the_first_instant_to_the_last_of_the_contract(desk: Desk, zone: str) -> None:
    first, last = date(2026, 3, 10), date(2026, 3, 20)
    desk.engine.license("acme", zone, {METER: 5}, effective_from=first, ends_on=last)
    end_of = desk.engine.loaded().end_of
    for at, decision in (
        (end_of(first - timedelta(days=1)), REFUSED),
        (end_of(first - timedelta(days=1)) + INSTANT, ADMITTED),
        (end_of(last), KNOWN),
        (end_of(last) + INSTANT, REFUSED),
    ):
        desk.now = at
        assert desk.check_in("a").decision == decision  # by a process that remembers
        desk.admitter = desk.server()
        assert desk.check_in("a").decision == (KNOWN if decision == ADMITTED else decision)


def test_a_suspended_license_serves_not_even_installations_with_a_place(desk: Desk, quota: Quota) -> None:
    quota(1)
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    suspend(desk)
    desk.admitter.forget("acme")
    assert [desk.check_in(one) for one in ("a", "b", "c")] == [SUSPENDED] * 3
    assert desk.report() == (1, 1, 0, 0, 1)
    resume(desk)
    assert desk.decisions("a", "b") == [KNOWN, BACK_OFF]


def test_another_process_notices_a_suspension_at_once_for_who_has_no_place_and_within_a_second_else(
    desk: Desk, quota: Quota
) -> None:
    quota(5)
    assert desk.decisions("a") == [ADMITTED]
    suspend(desk)
    assert desk.check_in("b") == SUSPENDED
    assert desk.check_in("a") == SUSPENDED  # the state was read again for b
    assert len(desk.rows()) == 1


def test_another_process_notices_at_once_that_a_license_was_resumed(desk: Desk, quota: Quota) -> None:
    quota(1)
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    suspend(desk)
    desk.wait()
    other = desk.server()
    for admitter in (desk.admitter, other):
        assert desk.check_in("a", admitter) == SUSPENDED
    resume(desk)
    for admitter in (desk.admitter, other):
        assert desk.check_in("a", admitter).decision == KNOWN


def test_a_withdrawn_contract_and_a_new_one_are_noticed_at_once(desk: Desk, quota: Quota) -> None:
    version = quota(5)
    assert desk.decisions("a") == [ADMITTED]
    withdraw(desk, version)
    assert desk.check_in("b") == NO_CONTRACT
    quota(1)
    assert desk.decisions("b", "a") == [BACK_OFF, KNOWN]
    assert desk.report() == (1, 1, 0, 0, 1)


def test_check_ins_that_come_together_are_refused_together(desk: Desk, quota: Quota) -> None:
    quota(100)
    assert desk.decisions("a0") == [ADMITTED]
    suspend(desk)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: desk.check_in(f"a{number // 2}"), range(2, 60)))
    assert answers == [SUSPENDED] * 58
    assert len(desk.rows()) == 1


def test_one_suspended_license_refuses_no_other(desk: Desk, quota: Quota) -> None:
    quota(5)
    suspend(desk)
    desk.engine.license("globex", terms={METER: 1})

    def check_in(number: int) -> str:
        request = CheckInRequest("globex" if number % 2 else "acme", METER, f"i{number}", "a key")
        return desk.admitter.check_in(request).decision

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(check_in, range(20)))
    assert answers[::2] == [REFUSED] * 10
    assert sorted(answers[1::2]) == [ADMITTED, *[BACK_OFF] * 9]


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_outage_lets_nobody_of_a_suspended_license_or_an_ended_contract_through(
    desk: Desk, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.admission.quota_state.FRESH_SECONDS", -1.0)
    let_through = ((METER, QuotaTerms(on_outage="LET_THROUGH")),)
    desk.engine.license("acme", terms={METER: 5}, ends_on=NOW.date(), quotas=let_through)
    assert desk.decisions("a") == [ADMITTED]
    with away(services.url("postgres"), desk.engine.database):
        assert desk.check_in("a").outage
        desk.now = datetime(2026, 3, 16, tzinfo=UTC)  # the contract ended meanwhile
        with pytest.raises(Unavailable):
            desk.check_in("a")
    desk.now = NOW
    assert desk.decisions("a") == [KNOWN]
    suspend(desk)
    assert desk.check_in("a") == SUSPENDED
    with away(services.url("postgres"), desk.engine.database), pytest.raises(Unavailable):
        desk.check_in("a")


_days = st.integers(0, 12)
_steps = st.one_of(
    st.tuples(st.just("put"), _days, st.none() | st.integers(0, 6)),
    st.tuples(st.just("withdraw"), st.integers(1, 6), st.none()),
    st.tuples(st.sampled_from(["suspend", "resume"]), st.none(), st.none()),
    st.tuples(st.just("check in"), st.integers(0, 4), st.none()),  # so many days later: time does not run back
)


@pytest.fixture
def admitters(desk: Desk) -> list[Admitter]:
    """Two processes, which every example of a property shares: each holds connections until the test ends."""
    return [desk.admitter, desk.server()]


@given(steps=st.lists(_steps, max_size=12))
@examples(25)
def test_any_change_decides_the_next_check_in_of_every_process(
    desk: Desk, admitters: list[Admitter], steps: list[tuple[str, int, int]]
) -> None:
    desk.license = key = new_key()
    desk.engine.license(key)
    first = date(2026, 3, 2)
    versions: list[tuple[int, int | None] | None] = []
    suspended, today = False, 0
    for number, (step, value, length) in enumerate(steps):
        if step == "put":
            begin = first + timedelta(days=value)
            ends_on = None if length is None else begin + timedelta(days=length)
            version = desk.engine.contract(key, {METER: 1000 + number}, effective_from=begin, ends_on=ends_on)
            versions.append((value, None if length is None else value + length))
            assert version == len(versions)
        elif step == "withdraw":
            if value <= len(versions):
                withdraw(desk, value)
                versions[value - 1] = None
        elif step == "suspend":
            suspend(desk)
            suspended = True
        elif step == "resume":
            resume(desk)
            suspended = False
        else:
            today += value
            desk.now = datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(days=today)
            begun = [(one[0], n) for n, one in enumerate(versions) if one and one[0] <= today]
            newest = versions[max(begun)[1]] if begun else None
            in_force = newest is not None and (newest[1] is None or today <= newest[1])
            expected = REFUSED if suspended or not in_force else ADMITTED
            for n, admitter in enumerate(admitters):
                assert desk.check_in(f"{number}-{n}", admitter).decision == expected
