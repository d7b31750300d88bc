"""The operators' page shows files of events that are imported as they stand there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents
from tests.fixtures.engine import Engine

PAGE = (Path(__file__).parents[4] / "docs" / "operators.md").read_text()
(CHAPTER,) = re.findall(r"^## Usage from files\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", CHAPTER, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _on_that_day(engine: Engine) -> Iterator[None]:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False):
        engine.license()
        yield


def imported(engine: Engine, file: Path) -> ImportedEvents:
    return import_events(
        engine.runtime.database, engine.runtime.registry, engine.runtime.settings, file, backfill=False
    )


def test_ndjson_and_csv_say_the_same(engine: Engine, tmp_path: Path) -> None:
    ndjson, csv = tmp_path / "events.ndjson", tmp_path / "events.csv"
    ndjson.write_text(blocks("json")[0])
    csv.write_text(blocks("csv")[0])
    assert imported(engine, ndjson) == ImportedEvents(accepted=2)
    assert imported(engine, csv) == ImportedEvents(duplicates=2)


def test_parquet_is_written_and_taken(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[0], "operators.md", "exec"), {})  # noqa: S102 - it is ours
    assert imported(engine, tmp_path / "events.parquet") == ImportedEvents(accepted=2)


def test_a_rejected_row_looks_as_it_is_shown_and_is_taken_when_it_is_corrected(engine: Engine, tmp_path: Path) -> None:
    file, rejected = tmp_path / "events.csv", tmp_path / "events.rejected.csv"
    file.write_text(blocks("csv")[0].replace(",print", ",prynt"))
    assert imported(engine, file).accepted == 1
    assert rejected.read_text() == blocks("csv")[1]
    rejected.write_text(rejected.read_text().replace(",prynt", ",print"))
    assert imported(engine, rejected) == ImportedEvents(accepted=1)
