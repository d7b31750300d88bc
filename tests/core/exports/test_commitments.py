"""Contract commitments in the columns of FOCUS 1.3: what the specification asks of each column, and exact rows."""

import csv
import io
import json
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import pyarrow as pa
import pytest
from allowance import Unit
from allowance.text import UnitFormat
from pyarrow import parquet

from core.exports.commitment_rows import focus_unit
from core.exports.formats import ExportFormat, open_writer
from core.exports.rows import COLUMNS, ExportKind
from tests.core.exports.test_exports import exported
from tests.fixtures.engine import Engine

DAY: Final = timedelta(days=1)
BRUSSELS: Final = "Europe/Brussels"


class Column(NamedTuple):
    """What FOCUS 1.3 says of a column of the dataset Contract Commitment: its data type, and whether it may be null."""

    type: str
    is_nullable: bool


# The table of the specification's page of the dataset, in its order. All columns are mandatory: they have to be there.
SPECIFIED: Final = {
    "BillingCurrency": Column("String", True),
    "ContractCommitmentCategory": Column("String", False),
    "ContractCommitmentCost": Column("Decimal", True),
    "ContractCommitmentDescription": Column("String", True),
    "ContractCommitmentId": Column("String", False),
    "ContractCommitmentPeriodEnd": Column("Date/Time", False),
    "ContractCommitmentPeriodStart": Column("Date/Time", False),
    "ContractCommitmentQuantity": Column("Decimal", True),
    "ContractCommitmentType": Column("String", False),
    "ContractCommitmentUnit": Column("String", True),
    "ContractId": Column("String", False),
    "ContractPeriodEnd": Column("Date/Time", False),
    "ContractPeriodStart": Column("Date/Time", False),
}
CATEGORIES: Final = {"Spend", "Usage"}
INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
NAMES: Final = COLUMNS[ExportKind.COMMITMENTS]
OWN: Final = NAMES[len(SPECIFIED) :]
TYPES: Final = {
    "String": pa.string(),
    "Decimal": pa.decimal128(38, 9),
    "Date/Time": pa.timestamp("us", tz="UTC"),
}


def world(engine: Engine) -> None:
    """A license whose contract was changed in a billing period, with a hard quota and a term without usage."""
    terms: dict[str, int | str] = {
        "profiles": 100,
        "interactions_per_profile": "2.5",
        "retention_months": 24,
        "active_installations": 10,
    }
    engine.license(
        "acme", BRUSSELS, terms, effective_from=date(2026, 1, 15), starts_on=date(2026, 1, 15), billing_period="P1M"
    )
    engine.contract("acme", {**terms, "profiles": 200}, effective_from=date(2026, 3, 1), starts_on=date(2026, 1, 15))


def written(engine: Engine, format: ExportFormat) -> bytes:
    rows = [list(row.values()) for row in exported(engine, "commitments")]
    writer = open_writer(format, NAMES, adds=False)
    return writer.header() + writer.rows(rows) + writer.end()


def test_the_columns_are_those_of_the_specification_and_ours_come_last() -> None:
    assert list(NAMES[: len(SPECIFIED)]) == list(SPECIFIED)
    assert all(re.fullmatch(r"x_([A-Z][a-z]+)+", name) for name in OWN)
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", name) and len(name) <= 50 for name in SPECIFIED)


def test_every_value_has_the_type_of_its_column_and_only_nullable_columns_have_nulls(engine: Engine) -> None:
    world(engine)
    rows = [
        json.loads(line, parse_int=Decimal, parse_float=Decimal)
        for line in written(engine, ExportFormat.NDJSON).splitlines()
    ]
    assert len(rows) == 4 + 4 + 5
    for row in rows:
        assert list(row) == list(NAMES)
        for name, column in SPECIFIED.items():
            value = row[name]
            if value is None:
                assert column.is_nullable, name
            elif column.type == "Decimal":
                assert isinstance(value, Decimal), name
            else:
                assert isinstance(value, str), name
                assert value.strip(), name  # null handling: no empty text stands for a value that is not there
                assert column.type == "String" or INSTANT.fullmatch(value), name


def test_rows_keep_the_rules_between_columns(engine: Engine) -> None:
    world(engine)
    rows = exported(engine, "commitments")
    contracts = defaultdict(set)
    for row in rows:
        assert row["ContractCommitmentCategory"] in CATEGORIES
        if row["ContractCommitmentCategory"] == "Spend":
            assert row["ContractCommitmentCost"] is not None
            assert row["BillingCurrency"] is not None
        else:
            assert row["ContractCommitmentQuantity"] is not None
        assert (row["ContractCommitmentUnit"] is None) == (row["ContractCommitmentQuantity"] is None)
        assert row["ContractPeriodStart"] <= row["ContractCommitmentPeriodStart"] < row["ContractCommitmentPeriodEnd"]
        assert row["ContractCommitmentPeriodEnd"] <= row["ContractPeriodEnd"]
        contracts[row["ContractId"]].add((row["ContractPeriodStart"], row["ContractPeriodEnd"]))
    assert all(len(periods) == 1 for periods in contracts.values())
    assert len({row["ContractCommitmentId"] for row in rows}) == len(rows)
    types: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        types[row["x_Meter"]].add(row["ContractCommitmentType"])
    assert types == {
        "profiles": {"Usage at any time"},
        "interactions": {"Usage per billing period"},
        "active_installations": {"Places per quota window"},
    }


def test_parquet_has_the_types_of_the_specification(engine: Engine) -> None:
    world(engine)
    table = parquet.read_table(io.BytesIO(written(engine, ExportFormat.PARQUET)))
    assert table.num_rows == 13
    assert {name: table.schema.field(name).type for name in SPECIFIED} == {
        name: TYPES[column.type] for name, column in SPECIFIED.items()
    }
    for name, column in SPECIFIED.items():
        assert column.is_nullable or table[name].null_count == 0, name


def test_csv_has_instants_in_utc_and_no_text_for_null(engine: Engine) -> None:
    world(engine)
    header, row, *_ = csv.reader(io.StringIO(written(engine, ExportFormat.CSV).decode(), newline=""))
    assert header == list(NAMES)
    assert dict(zip(header, row, strict=True)) == {
        "BillingCurrency": "",
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentCost": "",
        "ContractCommitmentDescription": (
            "Active installations: 10 active installations (version 1 of the contract of acme)"
        ),
        "ContractCommitmentId": "acme/1/active_installations/2026-01-14",
        "ContractCommitmentPeriodEnd": "2026-02-01T00:00:00Z",
        "ContractCommitmentPeriodStart": "2026-01-14T23:00:00Z",
        "ContractCommitmentQuantity": "10",
        "ContractCommitmentType": "Places per quota window",
        "ContractCommitmentUnit": "Installations",
        "ContractId": "acme/1",
        "ContractPeriodEnd": "2026-02-28T23:00:00Z",
        "ContractPeriodStart": "2026-01-14T23:00:00Z",
        "x_License": "acme",
        "x_Meter": "active_installations",
        "x_ContractVersion": "1",
        "x_ContractEndsOn": "",
        "x_Cursor": row[-1],
    }


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (Unit(one="profile", other="profiles"), "Profiles"),
        (
            Unit(one="interaction per profile", other="interactions per profile", format=UnitFormat.RATIO),
            "Interactions/Profile",
        ),
        (Unit(one="API call", other="API calls"), "API Calls"),
        (Unit(one="byte", other="bytes", format=UnitFormat.BYTES), "B"),
    ],
)
def test_units_are_written_as_the_specification_recommends(unit: Unit, expected: str) -> None:
    assert focus_unit(unit) == expected
