"""The rows of exports: exact, in a stable order, and resumable at any row, in bounded memory."""

import base64
import csv
import io
import json
import re
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from sqlmodel import insert

from core.errors import BadCursor, BadInput, NotFound
from core.exports.formats import ExportFormat, open_writer
from core.exports.pages import LICENSES, read_page
from core.exports.parquet import TooManyDigits
from core.exports.query import check_query
from core.exports.rows import COLUMNS, ExportKind, JsonText, Value
from core.usage.tables import UsageSeries, UsageSum
from tests.fixtures.engine import NOW, Engine, usage_event
from tests.forms import long

DAY = timedelta(days=1)
TODAY = NOW.date()
KINDS = [kind.value for kind in ExportKind]


def exported(
    engine: Engine,
    kind: str,
    license: str | None = "acme",
    first: date | None = None,
    last: date | None = None,
    after: str | None = None,
    most: int = 1000,
) -> list[dict[str, Any]]:
    """All rows, read in pages of so many rows."""
    query = check_query(kind, license, first, last, after)
    place, rows = query.after, list[Sequence[Value]]()
    while True:
        with engine.database.read() as session:
            page = read_page(session, query, place, engine.runtime.registry, NOW, most)
        assert len(page.rows) <= most
        rows += page.rows
        place = page.after
        if place is None:
            return [dict(zip(COLUMNS[query.kind], row, strict=True)) for row in rows]


def written(format: ExportFormat, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
    """The rows without a line of names."""
    return open_writer(format, columns, adds=True).rows(rows)


def short(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def world(engine: Engine, key: str = "acme", time_zone: str = "UTC") -> None:
    """A license with sums, levels, history, and an alert."""
    engine.license(key, time_zone, {"profiles": 100}, effective_from=TODAY - 9 * DAY, starts_on=TODAY - 9 * DAY)
    for ago, profiles in ((3, 50), (2, 85), (1, 130), (0, 130)):
        now = NOW - ago * DAY
        engine.backfill(
            usage_event("profiles.level", key, now, value=profiles, entity="=be"),
            usage_event("interaction.sent", key, now, quantity="0.5", dimensions={"channel": "print"})
            | {"quantity": Decimal("0.5")},
        )
        engine.refresh(key, now=now)


def test_usage_has_each_series_on_each_day(engine: Engine) -> None:
    world(engine)
    engine.backfill(usage_event("interaction.sent", "acme", quantity=2, dimensions={"channel": "print"}))

    rows = exported(engine, "usage")

    levels = [row for row in rows if row["kind"] == "level"]
    sums = [row for row in rows if row["kind"] == "sum"]
    assert len(levels) + len(sums) == len(rows)
    assert short(levels, "license", "day", "event", "entity", "dimensions", "amount") == [
        ("acme", TODAY - 3 * DAY, "profiles.level", "=be", "{}", 50),
        ("acme", TODAY - 2 * DAY, "profiles.level", "=be", "{}", 85),
        ("acme", TODAY - 1 * DAY, "profiles.level", "=be", "{}", 130),
        ("acme", TODAY, "profiles.level", "=be", "{}", 130),
    ]
    assert short(sums, "day", "entity", "dimensions", "amount") == [
        (TODAY - 3 * DAY, None, '{"channel":"print"}', Decimal("0.5")),
        (TODAY - 2 * DAY, None, '{"channel":"print"}', Decimal("0.5")),
        (TODAY - 1 * DAY, None, '{"channel":"print"}', Decimal("0.5")),
        (TODAY, None, '{"channel":"print"}', Decimal("2.5")),
    ]


def test_history_has_each_reading_with_its_status(engine: Engine) -> None:
    world(engine)

    rows = [row for row in exported(engine, "history") if row["meter"] == "profiles"]

    noons = [row for row in rows if row["at"].hour == 12]
    assert short(noons, "day", "at", "used", "limit", "status") == [
        (TODAY - 3 * DAY, NOW - 3 * DAY, 50, 100, "OK"),
        (TODAY - 2 * DAY, NOW - 2 * DAY, 85, 100, "AT_RISK"),
        (TODAY - 1 * DAY, NOW - 1 * DAY, 130, 100, "EXCEEDED"),
        (TODAY, NOW, 130, 100, "EXCEEDED"),
    ]


def test_alerts_are_in_the_order_in_which_they_were_found(engine: Engine) -> None:
    world(engine)

    rows = exported(engine, "alerts")

    found = short(rows, "meter", "ratio", "limit", "used", "status", "found_at", "recovered_at")
    assert found[-1] == ("profiles", 1, 100, 130, "EXCEEDED", NOW - DAY, None)
    assert [row["found_at"] for row in rows] == sorted(row["found_at"] for row in rows)
    assert exported(engine, "alerts", first=TODAY) == []
    assert exported(engine, "alerts", first=TODAY - DAY, last=TODAY - DAY) == rows[-1:]


def test_readings_are_those_of_this_moment(engine: Engine) -> None:
    world(engine)

    rows = exported(engine, "readings")

    assert [row["meter"] for row in rows] == sorted(engine.runtime.registry.meters)
    [row] = [row for row in rows if row["meter"] == "profiles"]
    assert (row["used"], row["limit"], row["status"], row["freshness"], row["measured_at"]) == (
        *(130, 100, "EXCEEDED", "FRESH", NOW),
    )


@pytest.mark.parametrize("kind", ["history", "usage"])
def test_days_are_those_of_the_license(engine: Engine, kind: str) -> None:
    world(engine, time_zone="Pacific/Auckland")  # noon in UTC is the next day there
    rows = exported(engine, kind)
    assert {row["day"] for row in rows} >= {TODAY - 2 * DAY, TODAY - DAY, TODAY, TODAY + DAY}
    first, last = TODAY - DAY, TODAY
    expected = [row for row in rows if first <= row["day"] <= last]
    assert expected
    assert exported(engine, kind, first=first, last=last) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_goes_on_behind_any_row(engine: Engine, kind: str) -> None:
    for key in ("acme", "beta"):
        world(engine, key)
    license, cursor = ("x_License", "x_Cursor") if kind == "commitments" else ("license", "cursor")
    rows = exported(engine, kind, None)
    assert {row[license] for row in rows} == {"acme", "beta"}
    assert len({row[cursor] for row in rows}) == len(rows)
    step = max(1, len(rows) // 20)
    for number in [*range(0, len(rows), step), len(rows) - 1]:
        assert exported(engine, kind, None, after=rows[number][cursor]) == rows[number + 1 :]
    for most in (1, 2, 7):
        assert exported(engine, kind, None, most=most) == rows
    assert exported(engine, kind, "acme") == [row for row in rows if row[license] == "acme"]


def test_all_licenses_are_exported_in_the_order_of_their_keys(engine: Engine) -> None:
    keys = [f"license-{number}" for number in range(2 * LICENSES + 1)]
    for key in keys:
        engine.license(key)
    engine.backfill(usage_event("interaction.sent", keys[-1], quantity=1))
    assert short(exported(engine, "usage", None), "license", "amount") == [(keys[-1], 1)]
    meters = len(engine.runtime.registry.meters)
    listed = [row["license"] for row in exported(engine, "readings", None)]
    assert listed == [key for key in sorted(keys) for _ in range(meters)]


def test_wrong_questions_are_refused(engine: Engine) -> None:
    world(engine)
    [*_, row] = exported(engine, "usage")
    with pytest.raises(BadInput, match="No export"):
        check_query("usages", None, None, None, None)
    with pytest.raises(BadInput, match="after its last day"):
        check_query("usage", None, TODAY, TODAY - DAY, None)
    with pytest.raises(BadInput, match="this moment"):
        check_query("readings", None, TODAY, None, None)
    for day in (date.min, date.max):
        with pytest.raises(BadInput, match="Days of an export"):
            check_query("usage", None, day if day == date.min else None, day if day == date.max else None, None)
    for kind, license in (("history", "acme"), ("usage", "beta")):
        with pytest.raises(BadCursor, match="another export"):
            check_query(kind, license, None, None, row["cursor"])
    with pytest.raises(NotFound):
        exported(engine, "usage", "nobody")


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_any_text_is_no_cursor(text: str) -> None:
    with pytest.raises(BadCursor):
        check_query("usage", None, None, None, text)


@pytest.mark.parametrize(
    "values",
    [
        ["usage", "acme", 1, "2026-13-01"],
        ["usage", "a\0", 1, "2026-01-01"],
        ["usage", "acme", -1, "2026-01-01"],
        ["usage", "acme", 2**62, "2026-01-01"],
        ["usage", "acme", 1],
        ["alerts", "acme", 1, "a\0"],
        ["commitments", "acme", 1, "profiles/2026-13-01"],
        ["commitments", "acme", 1, ""],
    ],
)
def test_wrong_parts_are_no_cursor(values: list[Any]) -> None:
    with pytest.raises(BadCursor):
        check_query(values[0], None, None, None, base64.urlsafe_b64encode(json.dumps(values).encode()).decode())


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


_PARTS = ["=1+1", "+A1", "-A1", "@SUM(A1)", ";", "|", "\t", "\r", "\n", ",", " ", '"', "＝1", "a", "-5"]
_any_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
_hostile = _any_text | st.lists(st.sampled_from(_PARTS)).map("".join)


@given(st.lists(_hostile, min_size=2, max_size=3))
def test_no_text_of_csv_begins_a_formula_whatever_a_spreadsheet_takes_for_the_end_of_a_cell(texts: list[str]) -> None:
    data = written(ExportFormat.CSV, [], [texts])
    [row] = read_csv(data)
    for text, cell in zip(texts, row, strict=True):
        assert cell.replace("'", "") == text.replace("'", "")
    for end in (",", ";", "|", "\t"):
        # Without quotes as well, as a spreadsheet with another separator sees none at the beginning of a cell.
        split = re.split(rf"{re.escape(end)}|\r\n", data.decode()) if end != "," else row
        for cell in split:
            if cell.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")):
                assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(,.*)?", cell, re.ASCII | re.DOTALL), (end, cell)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;=1+1;b", "a;'=1+1;b"),
        ("a|-1+1", "a|'-1+1"),
        ("a\n@SUM(A1)", "a\n'@SUM(A1)"),
        ("a;b", "a;b"),
        ("a, =1", "a, =1"),  # a comma has its quotes
        ("=1;=2", "'=1;'=2"),
        ("\t=1", "'\t'=1"),
    ],
)
def test_a_formula_behind_another_separator_gets_an_apostrophe(text: str, expected: str) -> None:
    assert read_csv(written(ExportFormat.CSV, [], [[text, "x"]])) == [[expected, "x"]]


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t1", "\r1", "-2+3+cmd|' /C calc'!A0", "＝1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert read_csv(written(ExportFormat.CSV, [], [[text, "x"]])) == [[f"'{text}", "x"]]


def test_plain_numbers_stay_numbers() -> None:
    row: list[Value] = ["-5", "+1.5", Decimal("-0.25"), -3, None, datetime(2026, 3, 1, tzinfo=UTC), date(2026, 3, 1)]
    assert read_csv(written(ExportFormat.CSV, [], [row])) == [
        ["-5", "+1.5", "-0.25", "-3", "", "2026-03-01T00:00:00Z", "2026-03-01"]
    ]
    assert open_writer(ExportFormat.CSV, ["a", "b"], adds=False).header() == b"a,b\r\n"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.text(st.characters(codec="utf-8")))
def test_json_lines_are_exact(amount: Decimal, text: str) -> None:
    line = written(ExportFormat.NDJSON, ["amount", "text", "dimensions"], [[amount, text, JsonText('{"a":"b"}')]])
    assert line.endswith(b"}\n")
    found = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    assert found == {"amount": amount, "text": text, "dimensions": {"a": "b"}}


def test_parquet_has_the_rows_with_their_types(engine: Engine) -> None:
    world(engine)
    for kind in ExportKind:
        columns, expected = COLUMNS[kind], exported(engine, kind)
        writer = open_writer(ExportFormat.PARQUET, columns, adds=False)
        rows = [list(row.values()) for row in expected]
        file = writer.header() + writer.rows(rows[:3]) + writer.rows(rows[3:]) + writer.rows([]) + writer.end()
        table = parquet.read_table(io.BytesIO(file))
        assert table.column_names == list(columns)
        assert table.to_pylist() == expected
        assert parquet.ParquetFile(io.BytesIO(file)).num_row_groups == 1


def test_parquet_without_rows_is_a_file() -> None:
    writer = open_writer(ExportFormat.PARQUET, COLUMNS[ExportKind.USAGE], adds=False)
    table = parquet.read_table(io.BytesIO(writer.header() + writer.rows([]) + writer.end()))
    assert (table.num_rows, table.column_names) == (0, list(COLUMNS[ExportKind.USAGE]))


def test_parquet_refuses_what_it_cannot_hold() -> None:
    writer = open_writer(ExportFormat.PARQUET, ["amount"], adds=False)
    writer.rows([[Decimal(10**29 - 1)]])
    with pytest.raises(TooManyDigits, match="Export CSV"):
        writer.rows([[Decimal(10**29)]])


def fill(engine: Engine, series: int, days: int) -> None:
    """Put the sum N of each series N on each of so many days."""
    license_id = engine.license("acme")
    keys = {"license_id": license_id, "event": "interaction.sent", "dimensions": ""}
    numbers = range(1, series + 1)
    sums = [
        {"license_id": license_id, "series_id": n, "day": TODAY - ago * DAY, "shard": 0, "whole": n, "nanos": 0}
        for n in numbers
        for ago in range(days)
    ]
    with engine.database.write() as session:
        session.execute(insert(UsageSeries), [{**keys, "id": n, "entity": f"e{n}"} for n in numbers])
        session.execute(insert(UsageSum), [{**row, "events": 1, "late": 0} for row in sums])


@pytest.mark.parametrize("format", [ExportFormat.PARQUET, long(ExportFormat.CSV), long(ExportFormat.NDJSON)])
def test_a_large_export_needs_the_memory_of_a_page(engine: Engine, tmp_path: Path, format: ExportFormat) -> None:
    fill(engine, 500, 100)
    query = check_query("usage", "acme", None, None, None)
    path, place = tmp_path / "usage", None
    tracemalloc.start()
    try:
        writer = open_writer(format, COLUMNS[query.kind], adds=False)
        with path.open("wb") as file:
            file.write(writer.header())
            while True:
                with engine.database.read() as session:
                    page = read_page(session, query, place, engine.runtime.registry, NOW)
                file.write(writer.rows(page.rows))
                place = page.after
                if place is None:
                    break
            file.write(writer.end())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * 2**20, f"{peak / 2**20:.1f} MiB"
    if format is ExportFormat.PARQUET:
        read = parquet.ParquetFile(path)
        assert [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)] == [20_000, 20_000, 10_000]
        amounts = [Decimal(amount) for amount in read.read(["amount"])["amount"].to_pylist()]
    elif format is ExportFormat.CSV:
        with path.open(newline="") as lines:
            amounts = [Decimal(row["amount"]) for row in csv.DictReader(lines)]
    else:
        amounts = [Decimal(json.loads(line)["amount"]) for line in path.read_text().splitlines()]
    assert (len(amounts), sum(amounts)) == (50_000, 100 * 500 * 501 // 2)


def test_row_groups_grow_with_the_file_so_that_its_end_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, rows in (("_GROUP_ROWS", 2), ("_GROUPS", 5), ("_MOST_GROUP_ROWS", 4)):
        monkeypatch.setattr(f"core.exports.parquet.{name}", rows)
    writer = open_writer(ExportFormat.PARQUET, ["cursor", "amount"], adds=False)
    parts = [writer.header(), *(writer.rows([(f"c{n}", Decimal(n))]) for n in range(40)), writer.end()]
    read = parquet.ParquetFile(io.BytesIO(b"".join(parts)))
    groups = [read.metadata.row_group(n).num_rows for n in range(read.num_row_groups)]
    assert groups == [2] * 8 + [3, 3, 4, 4, 4, 4, 2]
    assert read.read(["cursor"])["cursor"].to_pylist() == [f"c{n}" for n in range(40)]
