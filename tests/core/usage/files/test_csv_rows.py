import csv
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.usage.files.rows import BadColumns, BadFile, RowProblem
from tests.core.usage.files.reading import events_in, opened, rows_of
from tests.forms import examples

HEAD = "id,source,type,license,time,quantity,dimensions.channel"
ROW = "1,/mailer,interaction.sent,acme,2026-03-15T12:00:00Z,2.50,print"
EVENT = {
    "id": "1",
    "source": "/mailer",
    "type": "interaction.sent",
    "license": "acme",
    "time": "2026-03-15T12:00:00Z",
    "quantity": Decimal("2.50"),
    "dimensions.channel": "print",
    "dimensions": {"channel": "print"},
}


def write(file: Path, *lines: str, end: str = "\n") -> Path:
    file.write_bytes("".join(line + end for line in lines).encode())
    return file


def test_a_row_is_an_event_by_the_names_of_its_columns(tmp_path: Path) -> None:
    assert events_in(write(tmp_path / "a.csv", HEAD, ROW)) == [EVENT]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_cells_are_separated_as_the_head_is(tmp_path: Path, delimiter: str) -> None:
    file = write(tmp_path / "a.csv", HEAD.replace(",", delimiter), ROW.replace(",", delimiter))
    assert events_in(file) == [EVENT]


def test_byte_order_mark_windows_line_ends_and_a_last_line_without_end_are_taken(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", HEAD, ROW, "", ROW, end="\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().rstrip())
    assert [(row.number, row.event) for row in rows_of(file)] == [(2, EVENT), (4, EVENT)]


def test_an_empty_cell_says_nothing(tmp_path: Path) -> None:
    (event,) = events_in(write(tmp_path / "a.csv", HEAD, "1,/mailer,interaction.sent,acme,,,"))
    assert event == {
        **{field: value for field, value in EVENT.items() if field != "quantity"},
        "time": None,
        "dimensions.channel": None,
        "dimensions": {},
    }


@pytest.mark.parametrize(
    ("cell", "quantity"),
    [
        ("9007199254740991.999999999", Decimal("9007199254740991.999999999")),
        ("-1", Decimal(-1)),
        ("1e3", Decimal(1000)),
        (".5", Decimal("0.5")),
        ("1_000", "1_000"),
        ("1.000,5", "1.000,5"),
        ("NaN", "NaN"),
        (" 1", " 1"),
        ("१", "१"),
        ("1e9999", "1e9999"),
    ],
)
def test_a_number_is_read_digit_by_digit_and_what_is_none_is_left_to_the_check(
    tmp_path: Path, cell: str, quantity: object
) -> None:
    file = write(tmp_path / "a.csv", "id;source;type;license;quantity", f"1;/a;interaction.sent;acme;{cell}")
    (row,) = rows_of(file)
    assert isinstance(row.event, dict)
    assert row.event["quantity"] == quantity


def test_dimensions_may_be_json_and_columns_of_their_own_beside_it(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        "id,source,type,subject,dimensions,dimensions.b",
        """1,/a,x,acme,"{""a"": ""1"", ""b"": ""2""}",3""",
        """2,/a,x,acme,"{""a"": ""1""}",""",
        """3,/a,x,acme,{,3""",
    )
    events = [event for event in events_in(file) if isinstance(event, dict)]
    assert [(event["license"], event["dimensions"]) for event in events] == [
        ("acme", {"a": "1", "b": "3"}),
        ("acme", {"a": "1"}),
        ("acme", "{"),
    ]


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (
            "id,source,type,license,quantitty",
            "No column of events is named 'quantitty'. Did you mean 'quantity'? There may be id, source, type, "
            "license, time, quantity, value, entity, dimensions, and dimensions.NAME for a dimension. Rename "
            "or drop it.",
        ),
        ("id,source,type,license,subject", "Two columns hold the event's license. Drop one."),
        ("id,source", "There is no column type, license. A table of events needs id, source, type, license."),
        ("", "There is no column id, source, type, license. A table of events needs id, source, type, license."),
        ('"id', "The first line does not hold the names of columns."),
        ("x" * 2**21, "The first line does not hold the names of columns."),
    ],
)
def test_a_file_without_the_columns_of_events_is_refused(tmp_path: Path, head: str, told: str) -> None:
    with pytest.raises(BadColumns) as error:
        rows_of(write(tmp_path / "a.csv", head))
    assert error.value.message == told


def test_a_line_that_is_not_csv_costs_no_other_and_keeps_its_text(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", HEAD, '1,"a"b,c', ROW, '2,"open', ROW, ROW, "3,4", "x" * 2**20 + "y", ROW, '"')
    rows = rows_of(file)
    assert [(row.number, row.event) for row in rows] == [
        (2, RowProblem("BAD_CSV", "The line is not CSV: ',' expected after '\"'.")),
        (3, EVENT),
        (4, RowProblem("BAD_CSV", "The line is not CSV: a quote is opened and not closed.")),
        (5, EVENT),
        (6, EVENT),
        (7, RowProblem("BAD_CSV", "The row has 2 cells; there are 7 columns.")),
        (8, RowProblem("TOO_LARGE", "This is longer than 1 MiB, which no event is.")),
        (9, EVENT),
        (10, RowProblem("BAD_CSV", "The line is not CSV: unexpected end of data.")),
    ]
    assert [row.original for row in rows if isinstance(row.event, RowProblem)] == [
        ['1,"a"b,c'],
        ['2,"open'],
        ["3", "4"],
        ["x" * 200],
        ['"'],
    ]


def test_a_row_over_several_lines_is_known_by_its_first(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", HEAD, ROW.replace("print", '"pr\nint"'), ROW)
    assert [row.number for row in rows_of(file)] == [2, 4]
    assert [row.number for row in rows_of(file, after=3)] == [4]


def test_a_row_that_goes_on_over_a_hundred_lines_is_none(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", HEAD, ROW.replace("print", '"pr\nint"'), '"' + "x\n" * 99 + '"', '"' + "\n" * 100)
    problems = [(row.number, row.event.message) for row in rows_of(file) if isinstance(row.event, RowProblem)]
    assert problems[:2] == [
        (4, "The row has 1 cells; there are 7 columns."),
        (104, "The line is not CSV: a quote is opened and not closed."),
    ]


def test_bytes_that_are_not_utf_8_come_out_as_they_went_in(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(f"{HEAD}\n".encode() + ROW.encode().replace(b"/mailer", b"/caf\xe9") + b"\n")
    with opened(file) as events:
        (row,) = events.rows(0)
        assert b",/caf\xe9," in events.rejected(row, RowProblem("BAD_FIELD", "x"))


def test_a_compressed_file_that_was_cut_short_gives_what_is_before(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    whole = gzip.compress("\n".join([HEAD, *[f"{n},{ROW}"[:60] for n in range(50_000)]]).encode())
    file.write_bytes(whole[: len(whole) // 2])
    taken: list[Any] = []
    with opened(file) as events, pytest.raises(BadFile, match="after line"):
        taken.extend(row.number for row in events.rows(0))
    assert len(taken) > 1000


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@examples(100)
@given(
    st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=8),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(0, 8),
)
def test_whatever_a_writer_of_csv_writes_is_read(
    tmp_path: Path, rows: list[list[str]], quoting: int, skipped: int
) -> None:
    file = tmp_path / "a.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, quoting=quoting)  # type: ignore[arg-type]
        writer.writerows([["id", "source", "type", "license", "entity"], *rows])
    found = rows_of(file)
    assert [row.original for row in found] == rows
    assert [tuple(row.event.values()) for row in found if isinstance(row.event, dict)] == [
        tuple(cell or None for cell in row) for row in rows
    ]
    # And it goes on after any of them.
    if skipped < len(found):
        assert rows_of(file, after=found[skipped].number - 1) == found[skipped:]
