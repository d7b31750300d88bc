"""Active, new, returning, lost, refused: what a report of a window says."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from core.admission.tables import AdmissionDay
from core.consumption.tables import Snapshot
from core.errors import BadInput
from core.workers import tidy_quotas as tidying
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW
from tests.forms import examples

Quota = Callable[..., int]
DAY = timedelta(days=1)
MARCH, APRIL, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 5))


def test_of_a_window_in_which_nobody_called_all_figures_are_zero(desk: Desk, quota: Quota) -> None:
    quota(5)
    found = desk.whole_report()
    assert found
    assert (found.window.start, found.window.end, found.quota) == (MARCH, APRIL, 5)
    assert desk.report() == (0, 0, 0, 0, 0)
    assert desk.report(MARCH - DAY) == (0, 0, 0, 0, 0)


def test_those_who_come_back_are_returning_and_the_others_new(desk: Desk, quota: Quota) -> None:
    quota(None)
    desk.decisions("a", "b")
    desk.wait(days=20)
    desk.decisions("b", "c", "b")
    assert desk.report() == (2, 1, 1, 0, 0)
    assert desk.report(MARCH) == (2, 2, 0, 0, 0)


def test_who_was_not_seen_on_forty_whole_days_is_lost_in_the_window_in_which_that_came_true(
    desk: Desk, quota: Quota
) -> None:
    quota(None)
    desk.decisions("a", "b")  # on 15 March
    desk.wait(days=10)
    desk.decisions("b")  # known, and seen later
    desk.flush()
    desk.now = datetime(2026, 4, 24, 23, 59, tzinfo=UTC)
    assert desk.tidy() == 1
    assert desk.report() == (0, 0, 0, 0, 0)
    desk.now += timedelta(minutes=1)  # 40 whole days since 15 March
    desk.now += timedelta(hours=2)
    assert desk.tidy() == 1
    assert desk.report() == (0, 0, 0, 1, 0)
    assert [row.identifier for row in desk.rows()] == ["b"]
    desk.now = datetime(2026, 7, 1, 2, tzinfo=UTC)  # long after, since the workers were down
    assert desk.tidy() == 1
    assert [desk.report(day)[3] for day in (APRIL, MAY)] == [1, 1]
    assert desk.rows() == []


def test_who_comes_back_after_being_lost_is_new_whether_or_not_that_was_counted_yet(desk: Desk, quota: Quota) -> None:
    quota(None)
    desk.decisions("a", "b")
    desk.now = datetime(2026, 4, 28, tzinfo=UTC)
    desk.admitter = desk.server()
    desk.decisions("a")
    assert desk.report() == (1, 1, 0, 1, 0)
    desk.tidy()
    desk.decisions("b")
    assert desk.report() == (2, 2, 0, 2, 0)


def test_the_contract_says_after_how_many_days_an_installation_is_lost(desk: Desk, quota: Quota) -> None:
    quota(None, lost_after_days=3)
    desk.decisions("a")
    desk.now = datetime(2026, 3, 19, 12, tzinfo=UTC)
    desk.tidy()
    assert desk.report() == (1, 1, 0, 1, 0)
    assert desk.decisions("a") == ["KNOWN"]  # its place is in this window all the same
    assert desk.report() == (1, 1, 0, 1, 0)


def test_a_window_in_which_anyone_was_refused_is_skewed(desk: Desk, quota: Quota) -> None:
    quota(2)
    desk.decisions("a", "b")
    desk.now = APRIL
    assert desk.decisions("c", "a", "b", "b") == ["ADMITTED", "ADMITTED", "BACK_OFF", "BACK_OFF"]
    assert desk.report() == (2, 1, 1, 0, 1)
    desk.now = datetime(2026, 4, 26, tzinfo=UTC)
    desk.tidy()
    # b called every day, and looks lost.
    assert desk.report() == (2, 1, 1, 1, 1)
    desk.now = MAY
    desk.tidy()
    assert {row.identifier for row in desk.rows()} == {"a", "c"}


def test_what_was_only_refused_is_forgotten_with_the_window(desk: Desk, quota: Quota) -> None:
    quota(0)
    desk.decisions("a")
    desk.now = APRIL - timedelta(microseconds=1)
    desk.tidy()
    assert len(desk.rows()) == 1
    desk.now = APRIL + timedelta(hours=2)
    assert desk.tidy() == 1
    assert desk.rows() == []
    assert desk.report(MARCH) == (0, 0, 0, 0, 1)


def test_each_license_is_tidied_once_a_day(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.decisions("a")
    assert [desk.tidy(), desk.tidy()] == [1, 0]
    desk.now += timedelta(hours=13, minutes=1)
    assert [desk.tidy(), desk.tidy()] == [1, 0]


def test_more_than_goes_into_one_transaction_is_tidied_as_well(
    desk: Desk, quota: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "BATCH", 3)
    quota(7)
    for number in range(11):
        desk.check_in(f"i-{number}")
    desk.now = datetime(2026, 5, 1, 2, tzinfo=UTC)
    desk.tidy()
    assert desk.report(APRIL) == (0, 0, 0, 7, 0)
    assert desk.rows() == []


def test_windows_are_kept_for_three_years_and_the_version_that_readers_see_never_goes_back(
    desk: Desk, quota: Quota
) -> None:
    quota(2)
    assert desk.decisions("a", "b", "c") == ["ADMITTED", "ADMITTED", "BACK_OFF"]

    def version() -> int:
        with desk.engine.database.read() as session:
            (stored,) = session.exec(select(Snapshot.version))
        return stored + sum(window.used + window.refused for window in desk.windows())

    before = version()
    desk.now = APRIL + timedelta(days=1100)
    desk.tidy()
    assert MARCH in [window.starts_at for window in desk.windows()]
    desk.now += timedelta(days=1, hours=2)
    desk.tidy()
    assert MARCH not in [window.starts_at for window in desk.windows()]
    with desk.engine.database.read() as session:
        assert session.exec(select(AdmissionDay)).all() == []
    assert version() == before
    assert desk.whole_report(MARCH) is None


def test_a_window_that_has_not_begun_is_refused(desk: Desk, quota: Quota) -> None:
    quota(1)
    assert desk.report(APRIL - DAY) == (0, 0, 0, 0, 0)
    with pytest.raises(BadInput) as refused:
        desk.report(APRIL)
    assert refused.value.message == "`window` 2026-04-01 has not begun; the present window ends before 2026-04-01."


class Call(NamedTuple):
    """So many hours after the one before, an installation calls."""

    hours: int
    installation: str


HOURS = st.sampled_from([0, 1, 13, 24, 24 * 9, 24 * 33])
CALLS = st.lists(st.builds(Call, HOURS, st.sampled_from("abcdef")), max_size=25)


@given(CALLS, st.sampled_from([0, 1, 3, 100]), st.sampled_from([None, 4]), st.sampled_from([3, 40]))
@examples(15)
def test_reports_say_what_a_plain_recount_of_all_calls_says(
    desk: Desk, quota: Quota, calls: list[Call], places: int, back_off_days: int | None, lost_after: int
) -> None:
    """Window by window, with the lost counted late or early, and every answer as the rules say."""
    from tests.fixtures.engine import new_key

    desk.license, desk.now = new_key(), NOW
    terms = {"back_off_days": back_off_days, "lost_after_days": lost_after}
    _put(desk, places, terms)
    plain = Plain(places, back_off_days, lost_after)
    for hours, installation in calls:
        desk.now += timedelta(hours=hours)
        if hours == 13:
            desk.tidy()
        desk.admitter = desk.server() if hours else desk.admitter
        assert desk.check_in(installation).decision.value == plain.call(installation, desk.now)
        desk.flush()
    desk.now += timedelta(days=200)
    desk.tidy()
    for month in plain.months():
        assert desk.report(month) == plain.report(month, desk.now)


class Plain:
    """The rules again, over a list of all that happened."""

    def __init__(self, places: int, back_off_days: int | None, lost_after: int) -> None:
        self.places, self.back_off_days, self.lost_after = places, back_off_days, lost_after
        self.active: dict[date, dict[str, bool]] = {}
        self.refused: dict[date, set[str]] = {}
        self.until: dict[str, datetime] = {}
        self.seen: dict[str, list[date]] = {}

    def call(self, installation: str, now: datetime) -> str:
        month = now.date().replace(day=1)
        active = self.active.setdefault(month, {})
        if installation in active:
            self.seen[installation].append(now.date())
            return "KNOWN"
        if len(active) < self.places:
            known = self.seen.setdefault(installation, [])
            active[installation] = not known or (now.date() - known[-1]).days > self.lost_after
            known.append(now.date())
            return "ADMITTED"
        self.refused.setdefault(month, set()).add(installation)
        return "BACK_OFF"

    def months(self) -> list[datetime]:
        return [datetime(month.year, month.month, 2, tzinfo=UTC) for month in self.active]

    def report(self, at: datetime, now: datetime) -> tuple[int, ...]:
        month = at.date().replace(day=1)
        active = self.active[month]
        new = sum(active.values())
        lost = 0
        for days in self.seen.values():
            for day, following in zip(days, [*days[1:], now.date() + DAY], strict=True):
                gone = day + (self.lost_after + 1) * DAY
                lost += (following - day).days > self.lost_after and gone.replace(day=1) == month
        return len(active), new, len(active) - new, lost, len(self.refused.get(month, ()))


def _put(desk: Desk, places: int, terms: dict[str, int | None]) -> None:
    from core.licenses.quota_terms import QuotaTerms

    desk.engine.license(desk.license)
    desk.engine.contract(desk.license, {METER: places}, quotas=((METER, QuotaTerms(**terms)),))  # type: ignore[arg-type]
