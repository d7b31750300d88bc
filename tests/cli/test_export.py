"""Exports on the command line."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from core.runtime import open_runtime
from core.settings import Settings
from tests.cli.command import Run
from tests.fixtures.engine import Engine, usage_event

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


@pytest.fixture(autouse=True)
def usage(database_url: str) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    with open_runtime(Settings(database_url=database_url)) as runtime:
        engine = Engine(runtime)
        for license in ("acme", "beta"):
            engine.license(license, "UTC", {}, now=noon)
            for ago in range(3):
                fields: dict[str, Any] = {"quantity": ago + 1, "dimensions": {"channel": "print"}}
                event = usage_event("interaction.sent", license, noon - timedelta(days=ago), **fields)
                engine.backfill(event, now=noon)


def test_rows_go_to_standard_output(run: Run) -> None:
    ended = run("export", "usage", "--license", "acme", "--format", "ndjson")
    assert ended.code == 0
    assert ended.err == "Exporting usage …\n"
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [(row["license"], row["amount"]) for row in rows] == [("acme", 3), ("acme", 2), ("acme", 1)]


def test_an_interrupted_export_goes_on_at_the_end_of_its_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    assert run("export", "usage", "--output", file).code == 0
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 7
    cursor = lines[2].decode().strip().rpartition(",")[2]
    file.write_bytes(b"".join(lines[:3]) + b"acme,2026")
    refused = run("export", "usage", "--output", file, "--after", cursor)
    assert (refused.code, "ends within a line" in refused.err) == (1, True)
    file.write_bytes(b"".join(lines[:3]))
    assert run("export", "usage", "--output", file, "--after", cursor).code == 0
    assert file.read_bytes() == whole


def test_parquet_goes_on_in_another_file(run: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    assert run("export", "usage", "--format", "parquet", "--output", first).code == 0
    rows = parquet.read_table(first).to_pylist()
    assert [(row["license"], row["amount"]) for row in rows] == [
        (license, amount) for license in ("acme", "beta") for amount in (3, 2, 1)
    ]
    go_on = ("export", "usage", "--format", "parquet", "--after", rows[1]["cursor"], "--output")
    refused = run(*go_on, first)
    assert (refused.code, "Name another file" in refused.err) == (1, True)
    assert run(*go_on, second).code == 0
    assert parquet.read_table(second).to_pylist() == rows[2:]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["usage", "--license", "acem"], "No license 'acem'. Did you mean 'acme'?"),
        (["usage", "--from", "May"], "--from: 'May' is not a day."),
        (["readings", "--to", "2026-05-01"], "Readings are those of this moment."),
        (["usage", "--after", "x"], "is not a cursor"),
    ],
)
def test_what_cannot_be_exported_is_said(run: Run, arguments: list[str], said: str) -> None:
    ended = run("export", *arguments)
    assert ended.code == 1
    assert said in ended.err


COMMANDS = re.findall(r"`allowance (export [^`]*)`", PAGE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(run: Run, command: str) -> None:
    assert run(*command.split()).code == 0
