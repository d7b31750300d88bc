"""The refusals of a window: dated, visible to readers, and the first of them known exactly."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from core.admission.tables import AdmissionDay
from core.consumption.current import load_current, load_versions
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.live import live_readings
from core.consumption.readings.status import UsageStatus
from core.consumption.view import view_consumption
from core.consumption.warnings import warnings_of
from core.queue.tables import RefreshRun
from core.refresh.scope import RefreshScope
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW, Engine, new_key
from tests.forms import examples

Quota = Callable[..., int]
OK, AT_RISK, EXCEEDED = UsageStatus.OK, UsageStatus.AT_RISK, UsageStatus.EXCEEDED
SECTION = RefreshScope(frozenset({"installations"}))


def requested(engine: Engine) -> int:
    with engine.database.read() as session:
        return len(session.exec(select(RefreshRun).where(RefreshRun.id != "schedule")).all())


def days(engine: Engine) -> list[tuple[str, int, int]]:
    with engine.database.read() as session:
        rows = session.exec(select(AdmissionDay).order_by(col(AdmissionDay.day))).all()
    return [(f"{row.day}", row.admitted, row.refused) for row in rows]


def test_each_refusal_counts_once_on_the_day_of_the_first(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.decisions("a", "b", "b")
    desk.wait(days=1)
    desk.decisions("b", "c")
    assert days(desk.engine) == [("2026-03-15", 1, 1), ("2026-03-16", 0, 1)]


def test_a_quota_of_zero_has_days_of_refusals_alone(desk: Desk, quota: Quota) -> None:
    quota(0)
    desk.decisions("a", "b")
    assert days(desk.engine) == [("2026-03-15", 0, 2)]


def test_a_reader_sees_every_refusal_in_the_version(desk: Desk, quota: Quota) -> None:
    quota(1)
    license_id, database = desk.engine.id(), desk.engine.database
    desk.decisions("a")
    before = load_versions(database, [license_id])[license_id]
    told: list[frozenset[int]] = []
    database.listen(told.append)
    for number, installation in enumerate(["b", "c"], 1):
        desk.decisions(installation)
        current = load_current(database, "acme", desk.now)
        assert current is not None
        assert current.version == load_versions(database, [license_id])[license_id] == before + number
        assert told.count(frozenset({license_id})) >= number


@pytest.mark.parametrize("processes", [1, 4])
def test_the_first_refusal_alone_requests_a_refresh_in_whatever_process_it_is(
    desk: Desk, quota: Quota, processes: int
) -> None:
    quota(0)
    servers = [desk.server() for _ in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(lambda number: desk.check_in(f"i-{number}", servers[number % processes]), range(12)))
    assert [window.refused for window in desk.windows()] == [12]
    assert requested(desk.engine) == 1


def live(engine: Engine, key: str, now: datetime) -> JudgedReading:
    current = load_current(engine.database, key, now)
    assert current is not None
    registry = engine.runtime.registry
    found = live_readings(current.license, current.windows, current.readings, registry, now)[METER]
    view = view_consumption(current.license, {METER: found}, 0, registry, now)
    assert warnings_of(view).halo is (found.status is EXCEEDED)
    return found


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from("abcdefgh") | st.integers(0, 5)), min_size=1, max_size=14
)


@examples(15)
@given(STEPS, st.integers(0, 4), st.none() | st.sampled_from(["0.5", "1"]))
def test_the_status_of_a_quota_is_what_a_plain_count_of_its_refusals_says(
    engine: Engine, steps: list[tuple[int, str | int]], places: int, at_risk: str | None
) -> None:
    """Installations check in and quotas change some hours apart; a month goes by, and the window with it."""
    key, now = new_key(), datetime(2026, 3, 5, 12, tzinfo=UTC)
    ratio = {METER: at_risk} if at_risk else None
    engine.license(key, terms={METER: places}, at_risk=ratio, warnings=True)
    desk = Desk(engine, now, key)
    admitted: dict[int, set[str]] = {}
    refused: dict[int, dict[str, date]] = {}
    try:
        for hours, step in steps:
            desk.now += timedelta(hours=hours)
            window = desk.now.month
            inside, outside = admitted.setdefault(window, set()), refused.setdefault(window, {})
            if isinstance(step, int):
                places = step
                engine.contract(key, {METER: places}, at_risk=ratio, warnings=True)
            elif step in inside or len(inside) < places:
                inside.add(step)
                desk.check_in(step)
            else:
                outside.setdefault(step, desk.now.date())
                desk.check_in(step)
            used = len(inside)
            if outside or used > places:
                expected = EXCEEDED
            elif at_risk and used and Fraction(used) >= Fraction(at_risk) * places:
                expected = AT_RISK
            else:
                expected = OK
            found = live(engine, key, desk.now)
            assert (found.status, found.used, found.refused) == (expected, used, len(outside))
            whole = next(one for one in found.thresholds if one.ratio == 1)
            assert (whole.crossed_at is not None) is (expected is EXCEEDED and used >= places)
        engine.refresh(key, now=desk.now, scope=SECTION)
        stored = engine.reading(METER, key)
        assert (stored.status, stored.used, stored.refused) == (found.status, found.used, found.refused)
        today = desk.now.date()
        for day in {today - timedelta(days=ago) for ago in (1, 2, 5)}:
            if day.month != today.month:
                continue
            past = engine.past_readings(day, key, desk.now)[METER]
            assert past.refused == sum(first <= day for first in refused[today.month].values())
    finally:
        desk.close()


def test_refusals_of_before_are_dated_to_the_last_day_on_which_the_window_gave_a_place(
    desk: Desk, quota: Quota
) -> None:
    from importlib import import_module

    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    quota(1)
    desk.decisions("a")
    desk.wait(days=1)
    desk.decisions("b", "c")
    quota(0, now=desk.now)
    desk.now = NOW.replace(month=4)
    desk.decisions("a", "b")
    with desk.engine.database.write() as session:
        session.execute(sa.delete(AdmissionDay).where(col(AdmissionDay.admitted) == 0))
        connection = session.connection()
        connection.exec_driver_sql("ALTER TABLE admission_day DROP COLUMN refused")
        migration = import_module("core.migrations.versions.0021_refusals_by_day")
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
    assert days(desk.engine) == [("2026-03-15", 1, 2), ("2026-04-01", 0, 2)]
