"""Freeing places of a hard quota: who loses a place, who gets one, and which counters follow."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sqlmodel import select

import core.admission.admitter as admitter_module
from core.administration import free_places as freeing
from core.administration.inputs import FreeingInput
from core.admission.check_in import CheckIn, CheckInRequest, Decision
from core.admission.tables import AdmissionDay, FreedPlaces
from core.errors import InvalidInput
from core.usage.tables import LateUsage
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW

Quota = Callable[..., int]
ADMITTED, KNOWN, BACK_OFF = "ADMITTED", "KNOWN", "BACK_OFF"
HOUR = timedelta(hours=1)
_LICENSES = count()


def free(desk: Desk, installation: str | None = None, **given: object) -> FreedPlaces | None:
    """Free places as an operator does; the server of the desk does not learn of it."""
    meter = desk.admitter.quota_meters.meters[METER]
    with desk.engine.database.write() as session:
        wanted = FreeingInput(desk.license, installation, **given)  # type: ignore[arg-type]
        return freeing.free_places(session, wanted, meter, "an operator", desk.now)


def days(desk: Desk) -> dict[str, int]:
    with desk.engine.database.read() as session:
        return {str(row.day): row.admitted for row in session.exec(select(AdmissionDay)) if row.admitted}


def test_a_freed_place_goes_to_the_next_newcomer_and_its_installation_backs_off(desk: Desk, quota: Quota) -> None:
    quota(2)
    assert desk.decisions("real", "made-up", "waiting") == [ADMITTED, ADMITTED, BACK_OFF]
    record = free(desk, "made-up", note="made up")
    assert record
    desk.admitter.forget("acme")
    assert desk.check_in("waiting") == CheckIn(Decision.ADMITTED, 2, 0)
    assert desk.decisions("made-up", "real", "waiting") == [BACK_OFF, KNOWN, KNOWN]
    assert days(desk) == {"2026-03-15": 2}
    assert desk.report()[:2] == (2, 2)
    assert (record.generation, record.freed, record.freed_by, record.note) == (1, 1, "an operator", "made up")
    assert (record.identifier, record.freed_at, record.meter) == ("made-up", NOW, METER)


def test_another_process_that_remembers_the_place_looks_it_up_once_its_figures_are_read_again(
    desk: Desk, quota: Quota
) -> None:
    quota(2)
    other = desk.server()
    assert [desk.check_in(one, other).decision for one in ("a", "b")] == [Decision.ADMITTED, Decision.ADMITTED]
    free(desk, "a")
    assert desk.check_in("c").decision is Decision.ADMITTED
    other.forget("acme")  # as if a second had passed
    assert desk.check_in("a", other).decision is Decision.BACK_OFF
    assert desk.check_in("b", other).decision is Decision.KNOWN
    assert other.answer_from_memory(CheckInRequest("acme", METER, "b", "a key")) == CheckIn(Decision.KNOWN, 2, 0)


def test_a_place_that_is_freed_while_a_check_in_is_looked_up_is_not_remembered(
    desk: Desk, quota: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored state is read, then the place is freed and the quota read again, then the answer is given."""
    quota(1)
    desk.check_in("a")
    server = desk.server()

    def free_meanwhile(*given: object) -> None:
        free(desk, "a")
        server._states.refresh([("acme", METER)], desk.now)

    monkeypatch.setattr(admitter_module, "wait_for_recent_places", free_meanwhile)
    assert desk.check_in("a", server).decision is Decision.KNOWN  # it had a place as the check-in came
    monkeypatch.undo()
    assert desk.check_in("b").decision is Decision.ADMITTED
    assert desk.check_in("a", server).decision is Decision.BACK_OFF


def test_places_of_installations_first_seen_in_a_time_are_freed_on_the_days_on_which_they_were_taken(
    desk: Desk, quota: Quota
) -> None:
    quota(6)
    desk.decisions("early")
    desk.wait(days=1)
    attack = desk.now
    desk.decisions("x1", "x2", "early")
    desk.wait(days=1)
    desk.decisions("x3")
    desk.wait(microseconds=1)
    desk.decisions("late")
    end = desk.now
    assert days(desk) == {"2026-03-15": 1, "2026-03-16": 2, "2026-03-17": 2}
    record = free(desk, first_seen_from=attack, first_seen_before=end)
    assert record
    assert (record.freed, record.identifier, record.first_seen_from, record.first_seen_before) == (3, None, attack, end)
    assert days(desk) == {"2026-03-15": 1, "2026-03-17": 1}
    assert {row.identifier for row in desk.rows()} == {"early", "late"}
    assert desk.report() == (2, 2, 0, 0, 0)
    assert free(desk, first_seen_from=attack, first_seen_before=end) is None


def test_a_returning_installation_stays_known_of_and_is_returning_again(desk: Desk, quota: Quota) -> None:
    quota(2)
    desk.decisions("a")
    desk.now = datetime(2026, 4, 2, tzinfo=UTC)
    assert desk.decisions("a", "b") == [ADMITTED, ADMITTED]
    assert desk.report() == (2, 1, 1, 0, 0)
    assert free(desk, "a")
    assert desk.report() == (1, 1, 0, 0, 0)
    desk.admitter.forget("acme")
    assert desk.decisions("a") == [ADMITTED]
    assert desk.report() == (2, 1, 1, 0, 0)
    assert [window.used for window in desk.windows()] == [1, 2]


def test_an_installation_that_was_lost_is_first_seen_when_it_comes_back(desk: Desk, quota: Quota) -> None:
    quota(2)
    desk.decisions("a")
    desk.wait(days=50)
    desk.tidy()
    desk.decisions("a")
    assert [row.first_seen for row in desk.rows()] == [desk.now]
    assert desk.report()[:3] == (1, 1, 0)


def test_a_freed_place_above_a_lowered_quota_is_not_given_again(desk: Desk, quota: Quota) -> None:
    quota(4)
    desk.decisions("a", "b", "c", "d")
    quota(2)
    assert desk.decisions("e") == [BACK_OFF]  # the window has the lower quota now
    free(desk, "a")
    (window,) = desk.windows()
    assert (window.used, window.quota, window.places) == (3, 2, 3)
    desk.admitter.forget("acme")
    assert desk.decisions("f") == [BACK_OFF]
    for one in ("b", "c"):
        free(desk, one)
    desk.admitter.forget("acme")
    assert desk.decisions("f", "g", "d") == [ADMITTED, BACK_OFF, KNOWN]


def test_a_place_of_unknown_day_is_taken_from_the_latest_day(desk: Desk, quota: Quota) -> None:
    quota(3)
    desk.decisions("a")
    desk.wait(days=1)
    desk.decisions("b")
    with desk.engine.database.write() as session:  # as rows from before the day was recorded
        for row in desk.rows():
            row.first_seen = row.taken_on = None
            session.merge(row)
    assert free(desk, "a")
    assert days(desk) == {"2026-03-15": 1}
    assert desk.report()[0] == 1


def test_who_has_no_place_changes_nothing(desk: Desk, quota: Quota) -> None:
    quota(1)
    assert free(desk, "nobody") is None  # no installation has checked in yet
    desk.decisions("a", "b")
    before = desk.rows(), desk.windows(), desk.engine.snapshot().version
    assert free(desk, "b") is None
    assert free(desk, "nobody") is None
    assert free(desk, first_seen_from=NOW - HOUR, first_seen_before=NOW) is None
    desk.now = datetime(2026, 4, 2, tzinfo=UTC)
    assert free(desk, "a") is None  # its place was of the window before
    desk.now = NOW
    assert (desk.rows(), desk.windows(), desk.engine.snapshot().version) == before


def test_of_digests_alone_the_record_holds_no_identifier(desk: Desk, quota: Quota) -> None:
    quota(1, identifiers="HASHED")
    desk.decisions("secret")
    record = free(desk, "secret")
    assert record
    assert record.identifier is None


def test_reading_and_past_days_follow_at_the_refresh(desk: Desk, quota: Quota) -> None:
    quota(2)
    desk.decisions("a", "b")
    desk.wait(days=1)
    tomorrow = desk.now
    desk.engine.refresh(now=tomorrow)
    assert (desk.engine.reading(METER).used, desk.engine.past_readings(NOW.date(), now=tomorrow)[METER].used) == (2, 2)
    version = _shown_version(desk)
    free(desk, "a")
    assert _shown_version(desk) > version
    with desk.engine.database.read() as session:
        assert [mark.since for mark in session.exec(select(LateUsage))] == [NOW.date()]
    desk.engine.refresh(now=tomorrow)
    assert (desk.engine.reading(METER).used, desk.engine.past_readings(NOW.date(), now=tomorrow)[METER].used) == (1, 1)


def _shown_version(desk: Desk) -> int:
    """Return the version as readers see it: that of the snapshot, with the places and refusals of the windows."""
    return desk.engine.snapshot().version + sum(window.used + window.refused for window in desk.windows())


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "installation"),
        ({"installation": ""}, "installation"),
        ({"installation": "x" * 201}, "installation"),
        ({"installation": "a", "first_seen_from": NOW}, "installation"),
        ({"first_seen_from": NOW}, "installation"),
        ({"first_seen_before": NOW}, "installation"),
        ({"first_seen_from": NOW, "first_seen_before": NOW}, "firstSeenBefore"),
        ({"installation": "a", "note": "x" * 1001}, "note"),
    ],
)
def test_a_wrong_input_names_the_field(desk: Desk, quota: Quota, given: dict[str, object], path: str) -> None:
    quota(1)
    with pytest.raises(InvalidInput) as refused:
        free(desk, **given)  # type: ignore[arg-type]
    assert [(one.code, one.path) for one in refused.value.problems] == [("BAD_INPUT", (path,))]


def test_too_many_places_at_once_are_refused(desk: Desk, quota: Quota, monkeypatch: pytest.MonkeyPatch) -> None:
    quota(3)
    desk.decisions("a", "b", "c")
    monkeypatch.setattr(freeing, "MAX_FREED", 2)
    with pytest.raises(InvalidInput) as refused:
        free(desk, first_seen_from=NOW, first_seen_before=NOW + HOUR)
    assert [one.code for one in refused.value.problems] == ["TOO_MANY_PLACES"]
    assert desk.report()[0] == 3


@settings(max_examples=8)
@drawn(st.integers(1, 8).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))))
def test_after_freeing_some_of_all_places_just_as_many_newcomers_are_admitted(
    desk: Desk, numbers: tuple[int, set[int]]
) -> None:
    places, freed = numbers
    desk.license = f"acme-{next(_LICENSES)}"
    desk.engine.license(desk.license, terms={METER: places})
    desk.admitter = desk.server(quota_newcomers_per_hour=10**9)
    assert desk.decisions(*(f"i{number}" for number in range(places))) == [ADMITTED] * places
    for number in freed:
        assert free(desk, f"i{number}")
    desk.admitter.forget(desk.license)
    newcomers = desk.decisions(*(f"n{number}" for number in range(places + 1)))
    assert newcomers == [ADMITTED] * len(freed) + [BACK_OFF] * (places + 1 - len(freed))
    expected = [BACK_OFF if number in freed else KNOWN for number in range(places)]
    assert desk.decisions(*(f"i{number}" for number in range(places))) == expected
    assert desk.report()[:2] == (places, places)
