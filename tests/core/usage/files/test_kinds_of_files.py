"""Files of every kind that people have: each is taken, or refused with what it is and what to do."""

import bz2
import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from sqlmodel import select

from core.errors import BadInput
from core.usage.files.import_events import import_events
from core.usage.files.import_progress import ImportedEvents
from core.usage.tables import LedgerEvent
from tests.fixtures.engine import Engine

CSV = (
    "id,source,type,license,quantity,entity\n"
    "1,/mailer,interaction.sent,acme,2,caf\u00e9\n"
    "2,/mailer,interaction.sent,acme,3,\n"
)
EVENTS = [
    {
        "specversion": "1.0",
        "id": str(number),
        "source": "/mailer",
        "type": "interaction.sent",
        "subject": "acme",
        "time": datetime.now(UTC).isoformat(),
        "data": {"quantity": number},
    }
    for number in (1, 2)
]
NDJSON = "".join(json.dumps(one) + "\n" for one in EVENTS)


def bring_in(engine: Engine, file: Path) -> ImportedEvents:
    runtime = engine.runtime
    return import_events(runtime.database, runtime.registry, runtime.settings, file, backfill=False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.csv", CSV.encode()),
        ("E.CSV", CSV.encode()),
        ("e.csv.gz", gzip.compress(CSV.encode())),
        ("X.CSV.GZ", gzip.compress(CSV.encode())),
        ("plain.csv.gz", CSV.encode()),
        ("plain.ndjson.gz", NDJSON.encode()),
        ("e.csv", CSV.replace("id,", "ID,", 1).encode()),
        ("e.csv", CSV.replace("id,source", "Id,Source", 1).encode()),
        ("e.txt", CSV.encode()),
        ("e.txt", NDJSON.encode()),
        ("list.json", json.dumps(EVENTS).encode()),
        ("pretty.json", json.dumps(EVENTS, indent=2).encode()),
        ("each.json", "\n".join(json.dumps(event, indent=2) for event in EVENTS).encode()),
        ("list.json.gz", gzip.compress(b"\xef\xbb\xbf\n" + json.dumps(EVENTS).encode())),
        ("e.csv", NDJSON.encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_taken(engine: Engine, tmp_path: Path, name: str, content: bytes) -> None:
    engine.license()
    (tmp_path / name).write_bytes(content)
    imported = bring_in(engine, tmp_path / name)
    assert (imported.accepted, dict(imported.rejected)) == (2, {})


def xlsx() -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("e.xlsx", xlsx, "Excel"),
        ("e.csv", xlsx, "Excel"),
        ("e.csv", lambda: CSV.encode("utf-16"), "UTF-16"),
        ("e.ndjson", lambda: NDJSON.encode("utf-16"), "UTF-16"),
        ("e.csv", lambda: CSV.encode("latin-1"), "UTF-8"),
        ("e.csv", lambda: CSV.replace("entity", "entit\u00e9").encode("latin-1"), "UTF-8"),
        ("e.csv", lambda: CSV.encode("utf-16-le"), "UTF-16"),
        ("e.csv.gz", lambda: gzip.compress(CSV.encode("utf-16")), "UTF-16"),
        ("e.csv.gz", lambda: gzip.compress(xlsx()), "Excel"),
        ("e.xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
        ("e.zip", lambda: xlsx().replace(b"xl/", b"ab/"), "zip file"),
        ("e.csv.bz2", lambda: bz2.compress(CSV.encode()), "bzip2"),
    ],
)
def test_it_is_refused_with_what_it_is(
    engine: Engine, tmp_path: Path, name: str, content: Callable[[], bytes], said: str
) -> None:
    engine.license()
    (tmp_path / name).write_bytes(content())
    try:
        imported = bring_in(engine, tmp_path / name)
    except BadInput as refused:
        message = refused.message
    else:  # a row alone may be refused as well, if the others are right
        message = " ".join(row.message for row in imported.first_rejected)
    assert said in message


def test_a_list_that_ends_too_early_keeps_what_came_before(engine: Engine, tmp_path: Path) -> None:
    engine.license()
    file = tmp_path / "e.json"
    file.write_bytes(json.dumps(EVENTS, indent=2).encode()[:-20])
    with pytest.raises(BadInput, match="after event 1: it ends inside a value"):
        bring_in(engine, file)
    with engine.database.read() as session:
        assert [event.id for event in session.exec(select(LedgerEvent))] == ["1"]


@pytest.mark.parametrize("bad", ['"quantity": NaN', '"quantity": 1, "entity": "\\ud800"'])
def test_an_unreadable_line_costs_no_other(engine: Engine, tmp_path: Path, bad: str) -> None:
    engine.license()
    lines = NDJSON.splitlines()
    broken = lines[0].replace('"id": "1"', '"id": "bad"').replace('"quantity": 1', bad)
    (tmp_path / "e.ndjson").write_text("\n".join([lines[0], broken, lines[1]]) + "\n")
    imported = bring_in(engine, tmp_path / "e.ndjson")
    assert imported.accepted == 2
    [row] = imported.first_rejected
    assert row.line == 2
    assert "'bad'" in row.message
