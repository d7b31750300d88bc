"""Check-ins as one process answers them: who is admitted, known, and told to back off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from core.admission import quota_state
from core.admission.check_in import CheckIn, CheckInRequest, Decision
from core.admission.tables import AdmissionDay, AdmissionWindow
from core.errors import NotFound, RateLimited
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW, counted_statements

Quota = Callable[..., int]
ADMITTED, KNOWN, BACK_OFF = "ADMITTED", "KNOWN", "BACK_OFF"
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def test_first_come_first_served_until_the_quota_is_reached(desk: Desk, quota: Quota) -> None:
    quota(2)
    assert desk.check_in("a") == CheckIn(Decision.ADMITTED, 2, 1)
    assert desk.check_in("a") == CheckIn(Decision.KNOWN, 2, 1)
    assert desk.check_in("b") == CheckIn(Decision.ADMITTED, 2, 0)
    refused = desk.check_in("c")
    assert (refused.decision, refused.quota, refused.remaining) == (Decision.BACK_OFF, 2, 0)
    assert refused.back_off
    assert (refused.back_off.refused_at, refused.back_off.retry_at, refused.back_off.days) == (NOW, APRIL, 17)
    assert desk.decisions("a", "b", "a") == [KNOWN] * 3


def test_a_known_installation_is_known_to_every_process_whether_it_remembers_or_reads(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.check_in("a")
    assert desk.check_in("a", desk.server()) == CheckIn(Decision.KNOWN, 1, 0)
    assert desk.check_in("a", desk.server(installations_remembered=1)) == CheckIn(Decision.KNOWN, 1, 0)


def test_a_known_installation_takes_one_read_and_then_none(
    desk: Desk, quota: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_state, "FRESH_SECONDS", 600)  # a busy machine takes more than a second
    quota(2)
    desk.check_in("a")
    desk.wait(seconds=20)
    desk.check_in("b")  # from here on the quota is known
    with counted_statements(desk.engine.database) as pooled:
        assert desk.decisions("a", "a", "a", "b") == [KNOWN] * 4
    assert pooled == []  # the one read is on a connection of its own


def test_a_refused_installation_that_calls_early_gets_the_same_answer_and_nothing_grows(
    desk: Desk, quota: Quota
) -> None:
    quota(1, back_off_days=5)
    desk.check_in("a")
    first = desk.check_in("b")
    assert first.back_off
    assert first.back_off.retry_at == NOW + timedelta(days=5)
    before = desk.rows(), desk.windows()
    for _ in range(4):
        desk.wait(days=1)
        assert desk.check_in("b") == first
    assert (desk.rows(), desk.windows()) == before


def test_a_refused_installation_may_try_again_when_it_was_told_and_is_counted_once(desk: Desk, quota: Quota) -> None:
    quota(1, back_off_days=5)
    desk.decisions("a", "b")
    desk.wait(days=5, microseconds=-1)
    assert desk.check_in("b").back_off == desk.check_in("b").back_off
    desk.wait(microseconds=1)
    again = desk.check_in("b").back_off
    assert again
    assert (again.refused_at, again.retry_at) == (desk.now, desk.now + timedelta(days=5))
    assert desk.report() == (1, 1, 0, 0, 1)


def test_of_a_refused_installation_nothing_is_kept_but_that_it_was_refused(desk: Desk, quota: Quota) -> None:
    quota(0)
    desk.check_in("secret")
    (row,) = desk.rows()
    assert (row.identifier, row.place, row.seen) == (None, None, None)
    assert (row.refused_at, row.retry_at) == (NOW, APRIL)


def test_a_quota_of_zero_refuses_everybody(desk: Desk, quota: Quota) -> None:
    quota(0)
    assert desk.decisions("a", "b", "a") == [BACK_OFF] * 3
    assert desk.report() == (0, 0, 0, 0, 2)


def test_without_a_quota_everybody_is_admitted(desk: Desk, quota: Quota) -> None:
    quota(None)
    assert desk.check_in("a") == CheckIn(Decision.ADMITTED, None, None)
    assert desk.check_in("a") == CheckIn(Decision.KNOWN, None, None)


def test_a_fraction_of_a_place_is_none(desk: Desk, quota: Quota) -> None:
    desk.engine.license("acme", terms={METER: "1.9"})
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]


def test_a_raised_quota_admits_more_at_once_also_those_who_were_told_to_wait(desk: Desk, quota: Quota) -> None:
    quota(1)
    assert desk.decisions("a", "b", "c") == [ADMITTED, BACK_OFF, BACK_OFF]
    quota(2)
    assert desk.decisions("b", "c", "b") == [ADMITTED, BACK_OFF, KNOWN]
    assert desk.report() == (2, 2, 0, 0, 2)
    quota(None)
    assert desk.decisions("c", "d") == [ADMITTED, ADMITTED]


def test_a_lowered_quota_takes_no_place_away_and_gives_no_more(desk: Desk, quota: Quota) -> None:
    quota(3)
    assert desk.decisions("a", "b") == [ADMITTED, ADMITTED]
    quota(1)
    assert desk.check_in("c") == CheckIn(Decision.BACK_OFF, 1, 0, desk.check_in("c").back_off)
    assert desk.decisions("a", "b") == [KNOWN, KNOWN]
    (window,) = desk.windows()
    assert (window.used, window.quota, window.places) == (2, 1, 2)


def test_a_contract_that_begins_later_brings_its_quota_then(desk: Desk, quota: Quota) -> None:
    quota(1)
    quota(2, effective_from=(NOW + timedelta(days=1)).date())
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    desk.wait(days=1)
    assert desk.decisions("b") == [ADMITTED]


def test_with_the_window_all_places_are_free_again(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.now = APRIL - timedelta(microseconds=1)
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    desk.now = APRIL  # the same process, whose memory is of the window before
    assert desk.decisions("b", "a", "b") == [ADMITTED, BACK_OFF, KNOWN]
    assert [window.used for window in desk.windows()] == [1, 1]


def test_a_call_that_was_under_way_at_the_boundary_takes_nobodys_place(desk: Desk, quota: Quota) -> None:
    quota(2)
    late = desk.server()
    desk.now = APRIL
    assert desk.decisions("a") == [ADMITTED]
    desk.now = APRIL - timedelta(microseconds=1)  # another server's clock, a little behind
    assert desk.check_in("a", late).decision is Decision.KNOWN
    assert desk.check_in("b", late).decision is Decision.ADMITTED
    desk.now = APRIL
    assert desk.decisions("a", "b") == [KNOWN, ADMITTED]
    assert [window.used for window in desk.windows()] == [1, 2]


def test_a_window_that_the_contract_makes_longer_goes_on_with_the_places_that_were_taken(
    desk: Desk, quota: Quota
) -> None:
    quota(2)
    assert desk.decisions("a", "b", "c") == [ADMITTED, ADMITTED, BACK_OFF]
    quota(2, window="P1Y")
    assert desk.decisions("a", "b", "d") == [KNOWN, KNOWN, BACK_OFF]
    (window,) = desk.windows()
    assert (window.starts_at, window.ends_at) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_a_contracts_own_window_turns_at_its_own_time(desk: Desk, quota: Quota) -> None:
    quota(1, window="P7D", starts_on=NOW.date() - timedelta(days=6))
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    assert desk.check_in("b").back_off == desk.check_in("c").back_off
    desk.wait(hours=12)
    assert desk.decisions("b", "a") == [ADMITTED, BACK_OFF]


def test_identifiers_are_kept_as_the_license_asks(desk: Desk, quota: Quota) -> None:
    quota(3)
    desk.check_in("plain")
    quota(3, identifiers="HASHED")
    assert desk.decisions("plain", "hashed") == [KNOWN, ADMITTED]
    assert {row.identifier for row in desk.rows()} == {"plain", None}
    assert all(len(row.digest) == 16 and b"hashed" not in row.digest for row in desk.rows())
    desk.wait(days=31)
    assert desk.decisions("plain") == [ADMITTED]
    assert {row.identifier for row in desk.rows()} == {None}


@pytest.mark.parametrize("identifier", ["\0", "a\0b", "\n", "☃" * 200, "'; DROP TABLE installation; --"])
def test_any_text_can_be_an_identifier_also_one_that_no_database_keeps(
    desk: Desk, quota: Quota, identifier: str
) -> None:
    quota(1)
    assert desk.decisions(identifier, identifier, identifier + " ") == [ADMITTED, KNOWN, BACK_OFF]
    kept = {row.identifier for row in desk.rows() if row.place}
    assert kept == {None if "\0" in identifier else identifier}


def test_the_same_installation_is_another_one_at_another_license(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.engine.license("other", terms={METER: 1})
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    desk.license = "other"
    assert desk.decisions("a", "b") == [ADMITTED, BACK_OFF]
    assert len({row.digest for row in desk.rows()}) == 4


def test_a_license_that_does_not_exist_is_an_error_for_its_callers_alone(desk: Desk, quota: Quota) -> None:
    quota(1)
    lost = desk.admitter.submit(CheckInRequest("nobody", METER, "a", "k"))
    found = desk.admitter.submit(CheckInRequest("acme", METER, "a", "k"))
    with pytest.raises(NotFound) as refused:
        lost.result(30)
    assert refused.value.message == "No license 'nobody'. An operator puts it before its installations check in."
    assert found.result(30).decision is Decision.ADMITTED


def test_those_who_wait_together_are_answered_in_the_order_in_which_they_came(desk: Desk, quota: Quota) -> None:
    quota(3)
    with desk.engine.database.write() as session:  # so that they gather
        session.connection().exec_driver_sql(
            "SELECT 1" if desk.engine.database.is_sqlite else "LOCK TABLE admission_window"
        )
        waiting = [desk.admitter.submit(CheckInRequest("acme", METER, one, "k")) for one in "abacbd"]
    answers = [one.result(30) for one in waiting]
    first, b, second, *rest = [one.decision.value for one in answers]
    # Where the first one began alone, the others may have overtaken it.
    assert {first, second} == {ADMITTED, KNOWN}
    assert [b, *rest] == [ADMITTED, ADMITTED, KNOWN, BACK_OFF]
    assert sorted(one.remaining for one in answers if one.decision is Decision.ADMITTED) == [0, 1, 2]  # type: ignore[type-var]


def test_new_installations_of_one_key_are_limited_and_those_known_are_not(desk: Desk, quota: Quota) -> None:
    quota(None)
    admitter = desk.server(new_installations_per_second=1)
    for number in range(10):
        assert desk.check_in(f"i-{number}", admitter).decision is Decision.ADMITTED
    with pytest.raises(RateLimited) as limited:
        desk.check_in("i-10", admitter)
    assert (limited.value.code, limited.value.status, limited.value.retry_after) == ("RATE_LIMITED", 429, 1)
    assert limited.value.message == "This key brings more new installations than it may. Come back in 1 s."
    assert desk.check_in("i-3", admitter).decision is Decision.KNOWN
    other_key = admitter.check_in(CheckInRequest("acme", METER, "i-10", "another key"))
    assert other_key.decision is Decision.ADMITTED
    assert len(desk.rows()) == 11


def test_newcomers_to_a_quota_are_limited_by_the_hour_and_take_no_place(desk: Desk, quota: Quota) -> None:
    quota(50)
    admitter = desk.server(quota_newcomers_per_hour=2)
    assert [desk.check_in(f"made-up-{number}", admitter).decision.value for number in range(2)] == [ADMITTED] * 2
    with pytest.raises(RateLimited) as limited:
        desk.check_in("made-up-2", admitter)
    assert (limited.value.code, limited.value.status) == ("RATE_LIMITED", 429)
    assert limited.value.message.startswith(
        "This key brings more new installations an hour than it may to a license with a quota."
    )
    assert len(desk.rows()) == 2
    assert desk.check_in("made-up-1", admitter).decision is Decision.KNOWN
    real = admitter.check_in(CheckInRequest("acme", METER, "real", "another key"))
    assert (real.decision, real.remaining) == (Decision.ADMITTED, 47)


def test_a_key_fills_half_of_a_quota_at_once_and_no_more(desk: Desk, quota: Quota) -> None:
    quota(50)
    assert desk.decisions(*(f"made-up-{number}" for number in range(25))) == [ADMITTED] * 25
    with pytest.raises(RateLimited) as limited:
        desk.check_in("made-up-25")
    assert limited.value.retry_after is not None
    assert 0 < limited.value.retry_after <= 144  # seconds between two of 25 an hour
    assert len(desk.rows()) == 25


def test_newcomers_without_a_quota_are_not_limited_by_the_hour(desk: Desk, quota: Quota) -> None:
    quota(None)
    admitter = desk.server(quota_newcomers_per_hour=1)
    assert [desk.check_in(one, admitter).decision.value for one in "abc"] == [ADMITTED] * 3


def test_installations_seen_before_are_no_newcomers_when_a_window_begins(desk: Desk, quota: Quota) -> None:
    quota(3)
    desk.decisions("a", "b", "c")
    desk.wait(days=31)
    admitter = desk.server(quota_newcomers_per_hour=1)
    assert [desk.check_in(one, admitter).decision.value for one in "abc"] == [ADMITTED] * 3


def test_calls_of_one_key_are_limited(desk: Desk, quota: Quota) -> None:
    quota(None)
    admitter = desk.server(check_ins_per_second=2)
    # Opens the connections of the server, which may take longer than it takes to be allowed another check-in.
    admitter.check_in(CheckInRequest("acme", METER, "b", "another key"))
    assert [desk.check_in("a", admitter).decision.value for _ in range(2)] == [ADMITTED, KNOWN]
    with pytest.raises(RateLimited):
        desk.check_in("a", admitter)


def test_the_database_itself_refuses_more_places_than_there_are(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.check_in("a")
    with pytest.raises(IntegrityError), desk.engine.database.write() as session:
        session.connection().exec_driver_sql("UPDATE admission_window SET used = used + 1")


def test_history_is_kept_by_the_days_of_the_licenses_time_zone(desk: Desk, quota: Quota) -> None:
    quota(None)
    desk.engine.license("acme", "Pacific/Auckland")
    desk.decisions("a", "b")  # a Sunday noon in UTC, where it is Monday already
    desk.wait(days=1)
    desk.decisions("c")
    with desk.engine.database.read() as session:
        days = session.exec(select(AdmissionDay).order_by(AdmissionDay.day)).all()  # type: ignore[arg-type]
        total = session.exec(select(AdmissionWindow.used)).one()
    assert [(f"{one.day}", one.admitted) for one in days] == [("2026-03-16", 2), ("2026-03-17", 1)]
    assert total == 3


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [([], [0] * 7 + [1, 2, 3, 4, 4]), (["0.25", "0.5", "0.8"], [0, 0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 6])],
)
def test_a_quota_that_fills_and_refuses_has_its_section_refreshed_once_for_each_part_that_people_are_told_of(
    desk: Desk, quota: Quota, ratios: list[str], expected: list[int]
) -> None:
    from core.queue.queue import claim_runs, finish_runs
    from core.queue.tables import RefreshRun

    quota(10, alert_at={"active_installations": ratios})
    asked = []
    for number in range(12):
        desk.check_in(f"i-{number}")
        with desk.engine.database.read() as session:
            runs = session.exec(select(RefreshRun).where(RefreshRun.id != "schedule")).all()
        asked.append(len(runs))
        assert all(run.sections == ["installations"] for run in runs)
        with desk.engine.database.write() as session:  # an equal request that still waits would serve the next crossing
            claim, due = claim_runs(session, NOW + timedelta(days=1), 10, timedelta(minutes=1))
            finish_runs(session, claim, due, {}, NOW + timedelta(days=1))
    assert asked == expected
