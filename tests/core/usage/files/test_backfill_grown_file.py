"""A backfill never counts an event twice, also long after the ledger has dropped it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import time_machine
from sqlmodel import col, select

from core.settings import Settings
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents
from core.usage.recount import recount
from core.usage.retention import rotate_segments, segment_retention
from core.usage.tables import LedgerSegment, UsageSum
from tests.fixtures.engine import NOW, Engine, usage_event

pytestmark = pytest.mark.usefixtures("clock")

DAY = timedelta(days=1)
JANUARY = datetime(2026, 1, 10, 8, tzinfo=UTC)


def sent(number: int, quantity: int = 1, time: datetime | None = None) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/mailer",
        "type": "interaction.sent",
        "subject": "acme",
        "time": (time or JANUARY + timedelta(hours=number)).isoformat(),
        "data": {"quantity": quantity},
    }


TWENTY = [sent(number, 2 if number == 0 else 1) for number in range(20)]
"""Rows of January that add up to 21."""


def write(path: Path, rows: Iterable[object]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    return path


def bring_in(engine: Engine, path: Path) -> ImportedEvents:
    runtime = engine.runtime
    return import_events(runtime.database, runtime.registry, runtime.settings, path, backfill=True)


def counted(engine: Engine) -> Decimal:
    with engine.database.read() as session:
        return Decimal(session.exec(select(sa.func.sum(col(UsageSum.whole)))).one() or 0)


def differences(engine: Engine) -> list[object]:
    with engine.database.read() as session:
        return list(recount(session, engine.id(), engine.runtime.registry.event_types))


def wait(engine: Engine, clock: time_machine.Traveller, days: int) -> None:
    """Let days go by, each with its upkeep."""
    for _ in range(days):
        clock.shift(DAY)
        rotate_segments(engine.database, segment_retention(Settings()), datetime.now(UTC))


@pytest.fixture
def march(engine: Engine, tmp_path: Path) -> Engine:
    """A ledger that begins in March, into which twenty rows of January were brought in then."""
    with engine.database.write() as session:
        session.execute(sa.update(LedgerSegment).values(opened_at=NOW))
    engine.license()
    assert bring_in(engine, write(tmp_path / "january.ndjson", TWENTY)).accepted == 20
    assert counted(engine) == 21
    return engine


@pytest.mark.parametrize("name", ["january.ndjson", "other.ndjson"])
def test_a_file_that_grew_by_a_row_counts_that_row_alone(
    march: Engine, clock: time_machine.Traveller, tmp_path: Path, name: str
) -> None:
    wait(march, clock, 160)
    grown = write(tmp_path / name, [*TWENTY, sent(20)])
    imported = bring_in(march, grown)
    assert (imported.accepted, imported.duplicates) == (1, 20)
    assert counted(march) == 22
    assert differences(march) == []


def test_the_same_rows_in_another_order_count_once(
    march: Engine, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    wait(march, clock, 160)
    assert bring_in(march, write(tmp_path / "reversed.ndjson", reversed(TWENTY))).duplicates == 20
    assert counted(march) == 21


def test_events_that_were_sent_live_are_not_counted_again_by_a_backfill(
    march: Engine, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """Of events that the ledger has dropped nobody can know whether they were counted: they are refused by name."""
    march.send(usage_event("interaction.sent", time=NOW, id="live", quantity=5))
    assert counted(march) == 26
    wait(march, clock, 160)
    again = {**sent(1, 5, NOW), "id": "live", "source": "/test"}
    imported = bring_in(march, write(tmp_path / "live.ndjson", [again]))
    assert counted(march) == 26
    assert imported.accepted == 0


def test_a_backfill_of_days_that_nobody_counted_is_taken(
    march: Engine, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    wait(march, clock, 160)
    rows = [sent(number, 1, JANUARY + timedelta(days=30, hours=number)) for number in range(100, 105)]
    assert bring_in(march, write(tmp_path / "february.ndjson", rows)).accepted == 5
    assert counted(march) == 26


def test_an_event_that_may_have_been_counted_is_refused_with_the_earlier_imports(
    march: Engine, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    rows = [sent(one, 1, NOW) for one in range(30, 33)]
    runtime = march.runtime
    for number, name in enumerate(["sms.ndjson", "march.ndjson", "zzz.ndjson"]):
        clock.shift(DAY)
        path = write(tmp_path / name, [*rows, sent(40 + number, 1, NOW)])
        imported = import_events(runtime.database, runtime.registry, runtime.settings, path, backfill=False)
        assert imported.accepted > 0
    wait(march, clock, 160)
    before = counted(march)
    grown = write(tmp_path / "march.ndjson", [*rows, sent(34, 1, NOW)])
    [*_, refused] = bring_in(march, grown).first_rejected
    assert (refused.code, counted(march)) == ("MAYBE_COUNTED", before)
    assert refused.message.endswith(
        " could count twice. It may have come in with an earlier import: 'march.ndjson' on 2026-03-17, "
        "'zzz.ndjson' on 2026-03-18, 'sms.ndjson' on 2026-03-16."
    )
