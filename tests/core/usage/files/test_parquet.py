import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from core.usage.files import parquet as module
from core.usage.files.parquet import NoParquet
from core.usage.files.rows import BadColumns, BadFile, RowProblem
from tests.core.usage.files.reading import events_in, opened, rows_of
from tests.forms import examples

AT = datetime(2026, 3, 15, 12, 0, 0, 123456, UTC)
LARGEST = Decimal("9007199254740991.999999999")


def write(file: Path, more: dict[str, Any], count: int = 1, **options: Any) -> Path:
    columns = {name: [value] * count for name, value in [("source", "/a"), ("type", "x"), ("license", "acme")]}
    table = {"id": [str(number) for number in range(1, count + 1)], **columns, **more}
    parquet.write_table(pa.table(table), file, **options)
    return file


def read(file: Path, field: str) -> Any:
    (event,) = events_in(file)
    assert isinstance(event, dict)
    return event.get(field)


def test_a_row_is_an_event_by_the_names_of_its_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", {"time": pa.array([AT], pa.timestamp("us", "UTC")), "value": [7]})
    assert events_in(file) == [
        {"id": "1", "source": "/a", "type": "x", "license": "acme", "time": AT, "value": 7},
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pa.array([2**53]), 2**53),
        (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        (pa.array([LARGEST], pa.decimal128(38, 9)), LARGEST),
        (pa.array([LARGEST], pa.decimal256(50, 9)), LARGEST),
        (pa.array([0.1]), 0.1),
        (pa.array([0.1], pa.float32()), Decimal("0.1")),
        (pa.array([float("nan")], pa.float32()), "NaN"),
        (pa.array([None], pa.float32()), None),
        (pa.array([None], pa.null()), None),
        (pa.array([Decimal("1.5")]).dictionary_encode(), Decimal("1.5")),
    ],
)
def test_numbers_are_read_exactly(tmp_path: Path, given: Any, expected: object) -> None:
    found = read(write(tmp_path / "a.parquet", {"quantity": given}), "quantity")
    assert str(found) == "NaN" if expected == "NaN" else found == expected


@examples(50)
@given(st.lists(st.decimals(0, 2**53, places=9), min_size=1))
def test_decimals_are_read_digit_by_digit(tmp_path: Path, amounts: list[Decimal]) -> None:
    file = write(tmp_path / "a.parquet", {"quantity": pa.array(amounts, pa.decimal128(38, 9))}, len(amounts))
    assert [event["quantity"] for event in events_in(file) if isinstance(event, dict)] == amounts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pa.array([AT], pa.timestamp("us", "Asia/Kathmandu")), AT),
        (pa.array([AT], pa.timestamp("us", "+05:30")), AT),
        (pa.array([AT.replace(microsecond=0)], pa.timestamp("s", "UTC")), AT.replace(microsecond=0)),
        (pa.array([1773576000123456789], pa.timestamp("ns", "UTC")), AT),
        (pa.array([2**62], pa.timestamp("us", "UTC")), f"{2**62}/1000000 s after 1970"),
        (pa.array(["2026-03-15T12:00:00Z"]), "2026-03-15T12:00:00Z"),
        (pa.array([None], pa.timestamp("us", "UTC")), None),
    ],
)
def test_instants_are_those_that_were_written_to_the_microsecond(
    tmp_path: Path, given: Any, expected: datetime | str | None
) -> None:
    assert read(write(tmp_path / "a.parquet", {"time": given}), "time") == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pa.array([{"channel": "print", "other": None}]), {"channel": "print"}),
        (pa.array([[("channel", "print")]], pa.map_(pa.string(), pa.string())), {"channel": "print"}),
        (pa.array([[("a", "1"), ("a", "2")]], pa.map_(pa.string(), pa.string())), [("a", "1"), ("a", "2")]),
        (pa.array(['{"channel": "print"}']), {"channel": "print"}),
        (pa.array(["{"]), "{"),
        (pa.array([None], pa.string()), None),
        (pa.array([None], pa.map_(pa.string(), pa.string())), None),
        (pa.array([None], pa.struct([("a", pa.string())])), None),
    ],
)
def test_dimensions_are_a_struct_a_map_or_json(tmp_path: Path, given: Any, expected: object) -> None:
    assert read(write(tmp_path / "a.parquet", {"dimensions": given}), "dimensions") == expected


def test_dimensions_may_be_columns_of_their_own(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", {"dimensions.channel": pa.array(["print"]).dictionary_encode()})
    assert read(file, "dimensions") == {"channel": "print"}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"time": pa.array([AT], pa.timestamp("us"))},
            "Column time is of type timestamp[us]; it needs timestamps with a time zone, or texts as "
            "2026-11-22T10:00:00Z.",
        ),
        ({"id": [1]}, "Column id is of type int64; it needs texts."),
        ({"quantity": ["1"]}, "Column quantity is of type string; it needs whole numbers, decimals or floats."),
        ({"quantity": [True]}, "Column quantity is of type bool; it needs whole numbers, decimals or floats."),
        (
            {"dimensions": [1]},
            "Column dimensions is of type int64; it needs structs or maps of texts, or texts of JSON.",
        ),
        ({"dimensions.channel": [1]}, "Column dimensions.channel is of type int64; it needs texts."),
    ],
)
def test_a_column_of_another_type_is_refused_before_anything_is_read(
    tmp_path: Path, columns: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadColumns) as error:
        rows_of(write(tmp_path / "a.parquet", columns))
    assert error.value.message == told


@pytest.mark.parametrize("after", [0, 1, 999, 1000, 1001, 2500, 4321])
def test_it_goes_on_after_any_row(tmp_path: Path, after: int) -> None:
    file = write(tmp_path / "a.parquet", {}, 4321, row_group_size=700)
    assert [row.number for row in rows_of(file, after)] == list(range(after + 1, 4322))
    assert [row.original[0] for row in rows_of(file, after)] == [str(number) for number in range(after + 1, 4322)]


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_every_compression_is_read(tmp_path: Path, compression: str) -> None:
    assert len(events_in(write(tmp_path / "a", {}, 10, compression=compression))) == 10


def test_a_rejected_row_is_one_of_csv_that_says_the_same(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.parquet",
        {
            "time": pa.array([AT], pa.timestamp("us", "UTC")),
            "quantity": pa.array([LARGEST], pa.decimal128(38, 9)),
            "dimensions": [{"channel": "print"}],
            "entity": pa.array([None], pa.string()),
        },
    )
    with opened(file) as events:
        (row,) = events.rows(0)
        again = tmp_path / "again.csv"
        again.write_bytes(events.rejected_head() + events.rejected(row, RowProblem("CODE", 'It says "no".')))
    assert again.read_text() == (
        "rejected_line,rejected_code,rejected_message,id,source,type,license,time,quantity,dimensions,entity\n"
        '1,CODE,"It says ""no"".",1,/a,x,acme,2026-03-15T12:00:00.123456+00:00,9007199254740991.999999999,'
        '"{""channel"":""print""}",\n'
    )
    assert read(again, "quantity") == LARGEST
    assert read(again, "dimensions") == {"channel": "print"}


def test_a_damaged_file_is_refused_by_name_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.parquet", {"value": [1] * 1000}, 1000).read_bytes()
    damaged = tmp_path / "b.parquet"
    chance = random.Random(0)  # noqa: S311
    refused = 0
    for _ in range(100):
        data = bytearray(whole[: chance.choice([len(whole), len(whole) - 1, len(whole) // 2])])
        for _ in range(3):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        damaged.write_bytes(data)
        try:
            rows_of(damaged)
        except (BadFile, BadColumns):
            refused += 1
    assert refused > 50
    damaged.write_bytes(b"id,source\n")
    with pytest.raises(BadFile, match="This is not a whole Parquet file: "):
        rows_of(damaged)


def test_without_the_library_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.parquet", {})

    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(NoParquet) as error:
        rows_of(file)
    assert (error.value.code, error.value.message) == (
        "PARQUET_NOT_INSTALLED",
        "Reading Parquet needs pyarrow, which is not installed. Install it: pip install 'pyarrow>=21'",
    )
