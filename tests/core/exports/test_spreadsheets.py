"""Exports as CSV in a spreadsheet program: names that senders of usage chose are texts in it, and none is a formula."""

import csv
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from core.exports.formats import ExportFormat, open_writer
from tests.core.exports.test_exports import exported
from tests.fixtures.engine import Engine, usage_event

pytestmark = pytest.mark.needs("ssconvert")
HOSTILE: Final = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1+1",
    '=HYPERLINK("http://evil.example","click")',
    "-2+3+cmd|' /C calc'!A0",
    "=1+1;=2+2",
    'a "quoted" name, with a comma',
    "'=1+1",
    "one; two; three",
    "Zoë's 漢字 🎈",
    "＝1+1",
    "ends with a slash\\",
    "  spaces  ",
]
FORMULA: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}formula"


def convert(source: Path, ending: str) -> Path:
    """Convert a file as a person does who opens it and saves it in another format."""
    target = source.with_suffix(ending)
    importer = ["-I", "Gnumeric_stf:stf_csvtab"] if source.suffix == ".csv" else []
    subprocess.run(["ssconvert", *importer, source, target], check=True, capture_output=True, timeout=120)
    return target


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def formulas(path: Path) -> list[str]:
    """The formulas of the cells of an OpenDocument spreadsheet."""
    with zipfile.ZipFile(path) as archive:
        content = ET.fromstring(archive.read("content.xml"))  # noqa: S314 - the converter wrote it
    return [cell.attrib[FORMULA] for cell in content.iter() if FORMULA in cell.attrib]


def as_read(name: str) -> str:
    """A name as a spreadsheet reads it: with an apostrophe before a formula behind another separator."""
    return re.sub(r"(?<=[;|\t])(?=[=+@-])", "'", name).removeprefix("'")


def write(path: Path, rows: list[list[str]]) -> None:
    writer = open_writer(ExportFormat.CSV, ["name", "amount"], adds=False)
    path.write_bytes(writer.header() + writer.rows(rows) + writer.end())


def test_a_spreadsheet_would_run_the_bare_texts(tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("name,amount\n=1+1,5\n")
    assert len(formulas(convert(bare, ".ods"))) == 1


@pytest.mark.parametrize("ending", [".ods", ".xlsx"])
def test_hostile_names_are_texts_in_a_spreadsheet_and_come_back_as_they_were(tmp_path: Path, ending: str) -> None:
    exported_file = tmp_path / "names.csv"
    write(exported_file, [[name, "0.5"] for name in HOSTILE])

    book = convert(exported_file, ending)
    assert formulas(convert(book, ".ods") if ending != ".ods" else book) == []
    shutil.move(exported_file, tmp_path / "before.csv")
    header, *rows = read_csv(convert(book, ".csv"))

    assert header == ["name", "amount"]
    assert [amount for _, amount in rows] == ["0.5"] * len(HOSTILE)
    # The apostrophe in front of a text is the spreadsheet's own sign for one, and no part of it.
    assert [name for name, _ in rows] == [as_read(name) for name in HOSTILE]


def test_an_export_of_usage_opens_in_a_spreadsheet(engine: Engine, tmp_path: Path) -> None:
    names = ["=1+1", "@SUM(A1:A9)", 'a "quoted" name, with a comma', "Zoë's 漢字 🎈"]
    engine.license("acme", "UTC", {})
    engine.send(*(usage_event("interaction.sent", quantity=7, entity=name) for name in names))
    # Gnumeric guesses the separator, and takes the brace of `dimensions` for one.
    columns = ["license", "event", "entity", "amount", "cursor"]
    rows = [[row[column] for column in columns] for row in exported(engine, "usage")]
    writer = open_writer(ExportFormat.CSV, columns, adds=False)
    file = tmp_path / "usage.csv"
    file.write_bytes(writer.header() + writer.rows(rows))

    book = convert(file, ".ods")
    shutil.move(file, tmp_path / "before.csv")
    assert formulas(book) == []
    assert read_csv(convert(book, ".csv")) == [
        columns,
        *([license, event, as_read(name), "7", cursor] for license, event, name, _, cursor in rows),
    ]
