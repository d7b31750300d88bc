"""Rejected rows are kept in a file that can be corrected and imported."""

import gzip
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlmodel import select

from core.usage.files import import_events as module
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents, RejectedRow
from core.usage.files.rejected import CannotKeepRejected
from core.usage.tables import ImportedFile, LedgerEvent
from tests.fixtures.engine import NOW, Engine

pytestmark = pytest.mark.usefixtures("clock")

HEAD = "id,source,type,license,time,quantity,dimensions.channel"
AT = NOW.isoformat()
UNKNOWN = "No meter reads events of type 'interaction.send'. Did you mean 'interaction.sent'?"
CHANNEL = "'prynt' is not a channel of interaction.sent. Did you mean 'print'?"


@pytest.fixture(autouse=True)
def _acme(engine: Engine) -> None:
    engine.license()


def take(engine: Engine, file: Path, **options: Any) -> ImportedEvents:
    return import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=False, **options
    )


def used(engine: Engine) -> Decimal | None:
    engine.refresh()
    return engine.reading("interactions").used


def csv(file: Path, *rows: str) -> Path:
    data = "\n".join([HEAD, *rows, ""]).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
    return file


def event(number: int, type: str = "interaction.sent", channel: str = "print") -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/mailer",
        "type": type,
        "subject": "acme",
        "time": AT,
        "data": {"quantity": 1.5, "dimensions": {"channel": channel}},
    }


def ndjson(file: Path, rows: Sequence[object]) -> Path:
    file.write_bytes(b"".join((row if isinstance(row, bytes) else orjson.dumps(row)) + b"\n" for row in rows))
    return file


def row(number: int, type: str = "interaction.sent", channel: str = "print") -> str:
    return f"e{number},/mailer,{type},acme,{AT},1.5,{channel}"


def test_lines_of_json_are_corrected_in_their_file_and_imported(engine: Engine, tmp_path: Path) -> None:
    file = ndjson(
        tmp_path / "a.ndjson", [event(1), event(2, "interaction.send"), b'{"id": ', event(3, channel="prynt")]
    )
    imported = take(engine, file)
    kept = tmp_path / "a.rejected.ndjson"
    assert (imported.accepted, imported.rejected_path) == (1, kept)
    lines = [orjson.loads(line) for line in kept.read_bytes().splitlines()]
    assert lines == [
        {"line": 2, "code": "UNKNOWN_TYPE", "message": UNKNOWN, "event": event(2, "interaction.send")},
        {
            "line": 3,
            "code": "BAD_JSON",
            "message": "The event is not JSON: unexpected end of data, at column 7.",
            "event": '{"id":',
        },
        {"line": 4, "code": "UNKNOWN_DIMENSION_VALUE", "message": CHANNEL, "event": event(3, channel="prynt")},
    ]
    lines[0]["event"]["type"] = "interaction.sent"
    lines[1]["event"] = orjson.dumps(event(4)).decode()
    ndjson(kept, lines)
    again = take(engine, kept)
    assert (again.accepted, again.first_rejected) == (
        2,
        [RejectedRow(3, "UNKNOWN_DIMENSION_VALUE", CHANNEL)],
    )
    assert again.rejected_path == tmp_path / "a.rejected.rejected.ndjson"
    (line,) = again.rejected_path.read_bytes().splitlines()
    assert orjson.loads(line)["event"] == event(3, channel="prynt")
    assert used(engine) == Decimal("4.5")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_rows_of_csv_are_corrected_in_their_file_and_imported(engine: Engine, tmp_path: Path, name: str) -> None:
    file = csv(tmp_path / name, row(1), row(2, "interaction.send"), 'e3,"broken', row(4, channel="prynt"), "e5,/a")
    imported = take(engine, file)
    kept = tmp_path / "a.rejected.csv"
    assert (imported.accepted, imported.rejected_path) == (1, kept)
    told = [
        f"rejected_line,rejected_code,rejected_message,{HEAD}",
        f"3,UNKNOWN_TYPE,{UNKNOWN},{row(2, 'interaction.send')}",
        '4,BAD_CSV,The line is not CSV: a quote is opened and not closed.,"e3,""broken"',
        f"5,UNKNOWN_DIMENSION_VALUE,{CHANNEL},{row(4, channel='prynt')}",
        "6,BAD_CSV,The row has 2 cells; there are 7 columns.,e5,/a",
    ]
    assert kept.read_text().splitlines() == told
    kept.write_text(kept.read_text().replace("interaction.send,", "interaction.sent,"))
    again = take(engine, kept)
    assert (again.accepted, again.rejected) == (1, {"BAD_CSV": 2, "UNKNOWN_DIMENSION_VALUE": 1})
    assert again.rejected_path
    assert again.rejected_path.read_text().splitlines() == [
        told[0],
        '3,BAD_CSV,The row has 4 cells; there are 10 columns.,"e3,""broken"',
        f"4,UNKNOWN_DIMENSION_VALUE,{CHANNEL},{row(4, channel='prynt')}",
        "5,BAD_CSV,The row has 5 cells; there are 10 columns.,e5,/a",
    ]
    assert used(engine) == 3


def test_rows_of_parquet_are_corrected_as_csv_and_imported(engine: Engine, tmp_path: Path) -> None:
    most = Decimal("9007199254740991.999999999")
    columns = {
        "id": ["e1", "e2"],
        "source": ["/mailer"] * 2,
        "type": ["interaction.sent"] * 2,
        "license": ["acme", "acne"],
        "time": pa.array([NOW] * 2, pa.timestamp("us", "UTC")),
        "quantity": pa.array([Decimal("0.000000001"), most], pa.decimal128(38, 9)),
        "dimensions": [{"channel": "print"}] * 2,
    }
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    imported = take(engine, tmp_path / "a.parquet")
    assert imported.first_rejected == [RejectedRow(2, "UNKNOWN_LICENSE", "No license 'acne'. Did you mean 'acme'?")]
    kept = tmp_path / "a.rejected.csv"
    kept.write_text(kept.read_text().replace(",acne,", ",acme,"))
    assert take(engine, kept).accepted == 1
    assert used(engine) == most + Decimal("0.000000001")


def test_where_nothing_is_rejected_there_is_no_file(engine: Engine, tmp_path: Path) -> None:
    assert take(engine, csv(tmp_path / "a.csv", row(1))).rejected_path is None
    assert [file.name for file in tmp_path.glob("a*")] == ["a.csv"]


def test_no_file_is_written_over(engine: Engine, tmp_path: Path) -> None:
    file = csv(tmp_path / "a.csv", "?")
    for name in ("a.rejected.csv", "a.rejected-2.csv", "a.rejected-3.csv"):
        assert take(engine, file).rejected_path == tmp_path / name
    with pytest.raises(CannotKeepRejected) as error:
        take(engine, file, rejected=file)
    assert error.value.message == f"{file} is there already. Import it or remove it, or give another --rejected."
    elsewhere = tmp_path / "elsewhere.csv"
    assert take(engine, file, rejected=elsewhere).rejected_path == elsewhere


def test_a_folder_that_is_not_there_is_refused_before_anything_is_recorded(engine: Engine, tmp_path: Path) -> None:
    file = csv(tmp_path / "a.csv", row(1))
    with pytest.raises(CannotKeepRejected, match="cannot be written"):
        take(engine, file, rejected=tmp_path / "no" / "r.csv")
    with engine.database.read() as session:
        assert session.exec(select(LedgerEvent)).all() == []


@pytest.mark.parametrize("given", [None, "r.ndjson"])
def test_an_import_that_goes_on_keeps_each_rejected_row_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 10)
    file = ndjson(tmp_path / "a.ndjson", [b"?" if n % 2 else event(n) for n in range(1, 36)])
    options = {"rejected": tmp_path / given} if given else {}
    told = 0

    def stop_at_second(*_: int) -> None:
        nonlocal told
        told += 1
        if told == 2:
            # As a crash would leave it between the writing of the third chunk's rows and its commit.
            with (tmp_path / (given or "a.rejected.ndjson")).open("ab") as more:
                more.write(b'{"line": 21, "co')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_events(
            engine.runtime.database,
            engine.runtime.registry,
            engine.runtime.settings,
            file,
            backfill=False,
            progress=stop_at_second,
            **options,
        )
    imported = take(engine, file, **options)
    assert (imported.accepted, imported.rejected, imported.resumed_after) == (17, {"BAD_JSON": 18}, 20)
    assert [rejected.line for rejected in imported.first_rejected] == list(range(21, 36, 2))
    assert imported.rejected_path == tmp_path / (given or "a.rejected.ndjson")
    kept = [orjson.loads(line)["line"] for line in imported.rejected_path.read_bytes().splitlines()]
    assert kept == list(range(1, 36, 2))


def test_the_memory_of_a_file_says_what_became_of_its_rows(engine: Engine, tmp_path: Path) -> None:
    take(engine, csv(tmp_path / "a.csv", row(1), row(1), "?", row(2)))
    with engine.database.read() as session:
        (known,) = session.exec(select(ImportedFile)).all()
    assert (known.backfill, known.lines, known.accepted, known.duplicates, known.rejected) == (
        False,
        5,
        2,
        1,
        {"BAD_CSV": 1},
    )
    assert known.rejected_path == str(tmp_path / "a.rejected.csv")
    assert isinstance(known.finished_at, datetime)
