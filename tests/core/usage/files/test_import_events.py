from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from sqlmodel import select

from core.errors import BadInput
from core.usage.amount import TotalTooLarge
from core.usage.files import import_events as module
from core.usage.files import lines, ndjson
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import AlreadyImported, ImportedEvents, RejectedRow
from core.usage.recount import recount
from core.usage.tables import ImportedFile, LedgerEvent
from core.workers.refresh_due import refresh_all_due
from tests.fixtures.engine import NOW, Engine

pytestmark = pytest.mark.usefixtures("clock")


def sent(number: int, time: datetime = NOW, quantity: Any = 1, **rest: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/mailer",
        "type": "interaction.sent",
        "subject": "acme",
        "time": time.isoformat(),
        "data": {"quantity": quantity, "dimensions": {"channel": "print"}},
        **rest,
    }


def write(path: Path, lines: Iterable[object], end: bytes = b"\n") -> Path:
    raw = [line if isinstance(line, bytes) else orjson.dumps(line) for line in lines]
    path.write_bytes(b"".join(line + end for line in raw))
    return path


def events_of(engine: Engine) -> list[str]:
    with engine.database.read() as session:
        return sorted(session.exec(select(LedgerEvent.id)))


def differences(engine: Engine) -> list[object]:
    with engine.database.read() as session:
        return list(recount(session, engine.id(), engine.runtime.registry.event_types))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 10)


def test_events_are_counted_once_however_often_a_file_without_backfill_is_imported(
    engine: Engine, tmp_path: Path
) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [sent(1, quantity=2.5), sent(2), sent(1, quantity=2.5)])
    assert import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=False
    ) == ImportedEvents(accepted=2, duplicates=1)
    assert import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=False
    ) == ImportedEvents(duplicates=3)
    engine.refresh()
    assert engine.reading("interactions").used == Decimal("3.5")


def test_what_is_wrong_with_a_line_is_said_by_its_number_and_code_and_the_others_are_taken(
    engine: Engine, tmp_path: Path
) -> None:
    engine.license()
    file = write(
        tmp_path / "a.ndjson",
        [
            sent(1),
            b"",
            b'{"id": ',
            b"  ",
            sent(2, type="interaction.send"),
            sent(3, subject="acne"),
            sent(4, time=NOW - timedelta(days=35, seconds=1)),
            sent(5, time=NOW - timedelta(days=35)),
            sent(6, time=NOW + timedelta(minutes=5, seconds=1)),
            [sent(7)],
            b"{} {}",
            sent(1, quantity=7),
            sent(8, data={"value": 1}),
        ],
    )
    imported = import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=False
    )
    assert (imported.accepted, imported.duplicates) == (2, 0)
    assert imported.first_rejected == [
        RejectedRow(3, "BAD_JSON", "The event is not JSON: unexpected end of data, at column 7."),
        RejectedRow(
            5,
            "UNKNOWN_TYPE",
            "No meter reads events of type 'interaction.send'. Did you mean 'interaction.sent'?",
        ),
        RejectedRow(6, "UNKNOWN_LICENSE", "No license 'acne'. Did you mean 'acme'?"),
        RejectedRow(
            7,
            "TOO_OLD",
            "time 2026-02-08T11:59:59+00:00 is older than the deduplication window of 35 days, so a retry could count "
            "twice. An operator can bring it in with 'allowance events import --backfill'.",
        ),
        RejectedRow(
            9,
            "FROM_THE_FUTURE",
            "time 2026-03-15T12:05:01+00:00 is more than 300 seconds ahead of the server's clock. Check the sender's "
            "clock.",
        ),
        RejectedRow(10, "NOT_AN_EVENT", "An event must be a JSON object."),
        RejectedRow(11, "BAD_JSON", "The event is not JSON: unexpected content after document, at column 4."),
        RejectedRow(
            12,
            "ID_CONFLICT",
            "'e1' of '/mailer' was recorded before with other content. Give every event an id of its own, and send a "
            "retry unchanged.",
        ),
        RejectedRow(13, "BAD_FIELD", "interaction.sent is a counter: give its quantity, and leave value out."),
    ]
    assert imported.rejected == {
        "BAD_JSON": 2,
        "UNKNOWN_TYPE": 1,
        "UNKNOWN_LICENSE": 1,
        "TOO_OLD": 1,
        "FROM_THE_FUTURE": 1,
        "NOT_AN_EVENT": 1,
        "ID_CONFLICT": 1,
        "BAD_FIELD": 1,
    }
    assert events_of(engine) == ["e1", "e5"]


@pytest.mark.usefixtures("small_chunks")
def test_of_many_rejected_lines_the_first_twenty_are_kept_and_all_are_counted(engine: Engine, tmp_path: Path) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [b"?" if number % 2 else sent(number) for number in range(1, 101)])
    imported = import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=True
    )
    assert [line.line for line in imported.first_rejected] == list(range(1, 41, 2))
    assert imported.rejected == {"BAD_JSON": 50}
    assert imported.accepted == 50


def test_a_line_that_is_too_long_costs_no_other(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (lines, ndjson):
        monkeypatch.setattr(each, "LONGEST_LINE", 2**10)
    engine.license()
    long = sent(1, note="x" * 5000)
    file = write(tmp_path / "a.ndjson", [long, sent(2), long, long, sent(3), long])
    imported = import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=False
    )
    assert [(line.line, line.code) for line in imported.first_rejected] == [
        (1, "TOO_LARGE"),
        (3, "TOO_LARGE"),
        (4, "TOO_LARGE"),
        (6, "TOO_LARGE"),
    ]
    assert events_of(engine) == ["e2", "e3"]


def test_byte_order_mark_windows_line_ends_and_a_last_line_without_end_are_taken(
    engine: Engine, tmp_path: Path
) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [sent(1), sent(2)], end=b"\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + orjson.dumps(sent(3)))
    assert import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=True
    ) == ImportedEvents(accepted=3)


@pytest.mark.parametrize("backfill", [False, True])
def test_an_empty_file_holds_no_events(engine: Engine, tmp_path: Path, backfill: bool) -> None:
    assert (
        import_events(
            engine.runtime.database,
            engine.runtime.registry,
            engine.runtime.settings,
            write(tmp_path / "a", []),
            backfill=backfill,
        )
        == ImportedEvents()
    )


def test_progress_is_told_chunk_by_chunk_up_to_the_end(engine: Engine, tmp_path: Path, small_chunks: None) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [sent(number) for number in range(10, 35)])
    size = file.stat().st_size
    told: list[tuple[int, int]] = []
    import_events(
        engine.runtime.database,
        engine.runtime.registry,
        engine.runtime.settings,
        file,
        backfill=True,
        progress=lambda done, total: told.append((done, total)),
    )
    assert len(told) == 3
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_backfill_takes_events_of_any_age_and_has_the_past_measured_again(engine: Engine, tmp_path: Path) -> None:
    engine.license(terms={"profiles": 10, "interactions_per_profile": 10})
    refresh_all_due(engine.runtime)
    days = [date(2026, 1, 1), date(2026, 1, 31), date(2026, 3, 1)]
    times = [datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC) for day in days]
    file = write(tmp_path / "old.ndjson", [sent(n, time, 30) for n, time in enumerate(times)])
    assert import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=True
    ) == ImportedEvents(accepted=3)
    refresh_all_due(engine.runtime)
    history = {at.date(): (used, status) for at, used, status in engine.history("interactions")}
    assert history[date(2026, 1, 1)] == (30, "OK")
    assert history[date(2026, 1, 30)] == (30, "OK")
    assert history[date(2026, 1, 31)] == (60, "OK")
    assert history[date(2026, 3, 1)] == (90, "AT_RISK")
    assert engine.reading("interactions").used == 90


def test_a_file_is_brought_in_once_whatever_its_name_and_refused_by_name_and_date(
    engine: Engine, tmp_path: Path, clock: time_machine.Traveller
) -> None:
    engine.license()
    import_events(
        engine.runtime.database,
        engine.runtime.registry,
        engine.runtime.settings,
        write(tmp_path / "first.ndjson", [sent(1)]),
        backfill=True,
    )
    clock.shift(timedelta(days=3))
    with pytest.raises(AlreadyImported) as error:
        import_events(
            engine.runtime.database,
            engine.runtime.registry,
            engine.runtime.settings,
            write(tmp_path / "copy.ndjson", [sent(1)]),
            backfill=True,
        )
    assert error.value.message == (
        "copy.ndjson was imported as 'first.ndjson' on 2026-03-15 at 12:00 UTC. A file is imported once; put new "
        "events into a file of their own."
    )
    more = write(tmp_path / "first.ndjson", [sent(1), sent(2)])
    assert import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, more, backfill=True
    ) == ImportedEvents(accepted=1, duplicates=1)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("backfill", [False, True])
def test_an_interrupted_import_goes_on_where_it_stopped(engine: Engine, tmp_path: Path, backfill: bool) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [b"?" if n == 3 else sent(n) for n in range(1, 36)])
    done = []

    def interrupt(bytes_done: int, _: int) -> None:
        done.append(bytes_done)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_events(
            engine.runtime.database,
            engine.runtime.registry,
            engine.runtime.settings,
            file,
            backfill=backfill,
            progress=interrupt,
        )
    assert len(events_of(engine)) == 19
    imported = import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=backfill
    )
    assert (imported.accepted, imported.duplicates, imported.resumed_after) == (34, 0, 20)
    assert imported.rejected == {"BAD_JSON": 1}
    assert imported.first_rejected == []
    assert len(events_of(engine)) == 34
    assert differences(engine) == []


@pytest.mark.usefixtures("small_chunks")
def test_of_two_imports_of_one_file_at_once_one_gives_way_and_nothing_counts_twice(
    engine: Engine, tmp_path: Path
) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [sent(n) for n in range(35)])
    other: list[ImportedEvents] = []

    def meanwhile(*_: int) -> None:
        other.append(
            import_events(
                engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=True
            )
        )

    with pytest.raises(BadInput, match="Another process is importing this file"):
        import_events(
            engine.runtime.database,
            engine.runtime.registry,
            engine.runtime.settings,
            file,
            backfill=True,
            progress=meanwhile,
        )
    assert other == [ImportedEvents(accepted=35, resumed_after=10)]
    engine.refresh()
    assert engine.reading("interactions").used == 35


@pytest.mark.usefixtures("small_chunks")
def test_what_is_written_to_a_file_while_it_is_imported_is_left_for_a_file_of_its_own(
    engine: Engine, tmp_path: Path
) -> None:
    engine.license()
    file = write(tmp_path / "a.ndjson", [sent(n) for n in range(15)])

    def append(*_: int) -> None:
        with file.open("ab") as more:
            more.write(orjson.dumps(sent(100)) + b"\n")

    assert (
        import_events(
            engine.runtime.database,
            engine.runtime.registry,
            engine.runtime.settings,
            file,
            backfill=True,
            progress=append,
        ).accepted
        == 15
    )
    assert "e100" not in events_of(engine)


@pytest.mark.usefixtures("small_chunks")
def test_a_total_beyond_what_can_be_counted_ends_the_import_and_keeps_what_came_before(
    engine: Engine, tmp_path: Path
) -> None:
    engine.license()
    most = 2**53
    file = write(tmp_path / "a.ndjson", [sent(n, quantity=most if n >= 20 else 1) for n in range(540)])
    with pytest.raises(TotalTooLarge) as error:
        import_events(engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=True)
    # 511 times 2^53 and what is counted already are below 2^62, 512 times are not.
    assert error.value.message == (
        "A day's total would pass 4.6e18 in one of the 10 lines up to line 540. Neither they nor the lines after "
        "them were recorded; check the quantities."
    )
    assert len(events_of(engine)) == 530
    assert differences(engine) == []


def test_the_memory_of_a_file_says_when_it_was_begun_and_finished(
    engine: Engine, tmp_path: Path, clock: time_machine.Traveller
) -> None:
    engine.license()

    def later(*_: int) -> None:
        clock.shift(timedelta(minutes=1))

    import_events(
        engine.runtime.database,
        engine.runtime.registry,
        engine.runtime.settings,
        write(tmp_path / "a.ndjson", [sent(1), b"", sent(2)]),
        backfill=True,
        progress=later,
    )
    with engine.database.read() as session:
        (row,) = session.exec(select(ImportedFile)).all()
    assert (row.name, row.lines, row.started_at, row.finished_at) == (
        "a.ndjson",
        3,
        NOW,
        NOW + timedelta(minutes=1),
    )
