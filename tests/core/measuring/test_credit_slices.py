"""Days on which grants begin or end are divided once, and stay so when the ledger drops their events."""

from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import select

from core.usage.tables import CreditSlice, LedgerEvent, StoredCheckpoint
from tests.fixtures.engine import NOW, Engine, counted_statements, usage_event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - 20 * DAY
END = NOW - 2 * HOUR


def spend_on_both_sides(engine: Engine) -> None:
    """Send 10 before the end of `old` and 30 after it, and refresh on the next day."""
    engine.license()
    engine.grant("acme", "old", 100, granted_at=LONG_AGO, expires_at=END, now=LONG_AGO)
    engine.grant("acme", "new", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.send(
        usage_event("sms.sent", time=END - HOUR, quantity=10), usage_event("sms.sent", time=END + HOUR, quantity=30)
    )
    engine.refresh(now=NOW + DAY)
    assert engine.reading("sms_credits").grants == {"old": 0, "new": 70}


def drop_ledger(engine: Engine) -> None:
    """Drop all events, as the rotation of segments does, and the checkpoint, which is only a cache."""
    with engine.database.write() as session:
        session.execute(sa.delete(LedgerEvent))
        session.execute(sa.delete(StoredCheckpoint))


def reads_ledger(statements: list[str]) -> bool:
    return any("usage_event" in statement and "INSERT" not in statement for statement in statements)


def test_a_divided_day_stays_divided_beyond_the_ledger(engine: Engine) -> None:
    spend_on_both_sides(engine)
    drop_ledger(engine)
    engine.refresh(now=NOW + 3 * DAY)
    assert engine.reading("sms_credits").grants == {"old": 0, "new": 70}


def test_a_past_day_is_read_from_the_ledger_once(engine: Engine) -> None:
    spend_on_both_sides(engine)
    with counted_statements(engine.database) as statements:
        engine.refresh(now=NOW + 2 * DAY)
    assert not reads_ledger(statements)


def test_a_license_whose_grants_begin_and_end_at_midnight_reads_no_slices(engine: Engine) -> None:
    midnight = NOW.replace(hour=0)
    engine.license()
    engine.grant("acme", "g", 100, granted_at=midnight - 9 * DAY, expires_at=midnight + DAY, now=LONG_AGO)
    engine.send(usage_event("sms.sent", time=NOW - HOUR, quantity=10))
    with counted_statements(engine.database) as statements:
        engine.refresh()
    assert not any("credit_slice" in statement for statement in statements)
    assert not reads_ledger(statements)


def test_what_is_backfilled_beyond_the_ledger_counts_at_the_beginning_of_its_day(engine: Engine) -> None:
    spend_on_both_sides(engine)
    drop_ledger(engine)
    later = NOW + 3 * DAY
    engine.backfill(usage_event("sms.sent", time=END + HOUR, quantity=5), now=later)
    engine.refresh(now=later)
    # The ledger holds only a part of the day, so the new usage counts before the end of `old`.
    assert engine.reading("sms_credits").grants == {"old": 0, "new": 70}
    assert engine.past_readings((END - HOUR).date(), now=later)["sms_credits"].used == 30


def test_a_grant_made_later_within_a_divided_day_divides_it_anew(engine: Engine) -> None:
    spend_on_both_sides(engine)
    later = NOW + 3 * DAY
    ends = NOW + 9 * DAY
    engine.grant("acme", "first", 20, granted_at=END + HOUR / 2, expires_at=ends, now=later)
    engine.refresh(now=later)
    assert engine.reading("sms_credits").grants == {"old": 0, "first": 0, "new": 90}
    with engine.database.read() as session:
        starts = {row.starts_at for row in session.exec(select(CreditSlice)) if row.day == END.date()}
    assert {END, END + HOUR / 2} < starts
    assert len(starts) == 3


def test_only_events_that_spend_credits_are_indexed_by_their_time(engine: Engine) -> None:
    engine.license()
    engine.send(usage_event("sms.sent"), usage_event("interaction.sent", dimensions={"channel": "print"}))
    with engine.database.read() as session:
        spends = {row.spends for row in session.exec(select(LedgerEvent)) if row.whole}
        assert len(session.exec(select(LedgerEvent).where(sa.text("spends"))).all()) == 1
    assert spends == {True, False}
