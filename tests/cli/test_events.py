import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import orjson
import pytest
from sqlmodel import col, func, select

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.usage.tables import ImportedFile, LedgerEvent, UsageCorrection, UsageSum
from tests.cli.command import Run, process


@pytest.fixture(autouse=True)
def _acme(database: Database) -> None:
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), datetime.now(UTC))


def line(number: int, days_ago: float = 0, event_type: str = "interaction.sent") -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "/mailer",
            "type": event_type,
            "subject": "acme",
            "time": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(),
            "data": {"quantity": 1},
        }
    )


def write(file: Path, *lines: bytes) -> Path:
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


def test_events_are_imported_and_the_same_again_are_duplicates(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", line(1), line(2))
    first, second = run("events", "import", file), run("events", "import", file)
    assert (first.code, first.out) == (0, f"{file}: 2 accepted, 0 duplicates, 0 rejected\n")
    assert (second.code, second.out) == (0, f"{file}: 0 accepted, 2 duplicates, 0 rejected\n")


def test_rejected_lines_are_reported_and_the_exit_status_is_1(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", line(1), b"?", line(2, event_type="sms.send"), line(3, days_ago=40))
    refused = run("events", "import", file)
    assert (refused.code, refused.out) == (1, f"{file}: 1 accepted, 0 duplicates, 3 rejected\n")
    said = refused.err.splitlines()
    assert said[1].startswith(f"{file}:2: BAD_JSON: The event is not JSON: ")
    assert said[2] == f"{file}:3: UNKNOWN_TYPE: No meter reads events of type 'sms.send'. Did you mean 'sms.sent'?"
    assert said[3].startswith(f"{file}:4: TOO_OLD: ")
    kept = tmp_path / "e.rejected.ndjson"
    assert said[4] == f"The rejected lines are in {kept}. Correct them there, and import that file."
    assert [orjson.loads(row)["line"] for row in kept.read_bytes().splitlines()] == [2, 3, 4]


def test_where_rejected_lines_go_may_be_said(run: Run, tmp_path: Path) -> None:
    file, kept = write(tmp_path / "e.ndjson", line(1), b"?"), tmp_path / "kept.ndjson"
    refused = run("events", "import", file, "--rejected", kept)
    assert (refused.code, refused.err.splitlines()[-1]) == (
        1,
        f"The rejected lines are in {kept}. Correct them there, and import that file.",
    )
    assert orjson.loads(kept.read_bytes())["code"] == "BAD_JSON"
    assert run("events", "import", file, "--rejected", kept).err.splitlines()[-1] == (
        f"{kept} is there already. Import it or remove it, or give another --rejected."
    )


def test_csv_is_imported(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "e.csv", b"id,source,type,license,quantity", b"1,/mailer,interaction.sent,acme,2.5")
    assert run("events", "import", file).out == f"{file}: 1 accepted, 0 duplicates, 0 rejected\n"


def test_what_is_no_file_of_events_is_refused_in_a_line(run: Run, tmp_path: Path) -> None:
    refused = run("events", "import", write(tmp_path / "e.csv", b"when,what"))
    assert refused.code == 1
    assert refused.err.splitlines()[-1].startswith("No column of events is named 'when'. There may be id, ")
    damaged = tmp_path / "e.parquet"
    damaged.write_bytes(b"PAR1 and then nothing")
    refused = run("events", "import", damaged)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines()[-1].startswith("This is not a whole Parquet file: ")


def test_beyond_twenty_rejected_lines_are_counted_by_code(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", *[b"?"] * 1200, line(1, event_type="sms.send"))
    refused = run("events", "import", file)
    assert len(refused.err.splitlines()) == 1 + 20 + 2
    assert refused.err.splitlines()[-2] == (
        f"{file}: 1,201 lines were rejected, of which 20 are shown: 1,200 BAD_JSON, 1 UNKNOWN_TYPE"
    )


def test_backfill_takes_old_events_and_each_file_once(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", line(1, days_ago=400))
    assert run("events", "import", file).code == 1
    first, second = run("events", "import", file, "--backfill"), run("events", "import", file, "--backfill")
    assert (first.code, first.out) == (0, f"{file}: 1 accepted, 0 duplicates, 0 rejected\n")
    assert (second.code, second.out) == (1, "")
    assert second.err.splitlines()[-1].startswith("e.ndjson was imported as 'e.ndjson' on 20")


def test_a_backfill_that_was_killed_goes_on_and_every_event_counts_once(
    run: Run, database: Database, database_url: str, tmp_path: Path
) -> None:
    count = 40_000
    file = write(tmp_path / "e.ndjson", *(line(number, days_ago=number % 300) for number in range(count)))

    def done() -> int:
        with database.read() as session:
            return session.exec(select(func.coalesce(func.max(ImportedFile.lines), 0))).one()

    with process("events", "import", file, "--backfill", cwd=tmp_path, database_url=database_url) as importing:
        patience = monotonic() + 60
        while not done() and monotonic() < patience:
            sleep(0.01)
        importing.stop(signal.SIGKILL)
    resumed = done()
    assert 0 < resumed < count
    again = run("events", "import", file, "--backfill")
    assert again.out == (
        f"{file}: it continues after line {resumed:,}, where an earlier import stopped.\n"
        f"{file}: {count:,} accepted, 0 duplicates, 0 rejected\n"
    )
    with database.read() as session:
        assert session.exec(select(func.count()).select_from(LedgerEvent)).one() == count
    assert run("recount").out == "No differences in 1 license.\n"


def test_usage_is_adjusted_and_an_event_is_cancelled(run: Run, database: Database) -> None:
    when = ("--reason", "sent twice", "--time", "2026-03-01T10:00:00Z")
    adjust = (
        "events",
        "adjust",
        "acme",
        "interaction.sent",
        "-2.5",
        "--id",
        "a",
        *when,
        "--dimension",
        "channel=print",
    )
    for _ in range(2):
        assert run(*adjust).out == "Adjusted interaction.sent of acme by -2.5, correction a.\n"
    cancel = ("events", "cancel", "acme", "allowance:adjustment", "a", "--id", "b", "--reason", "right after all")
    for _ in range(2):
        assert run(*cancel).out == "Cancelled the event a of allowance:adjustment of acme, correction b.\n"
    listed = run("events", "corrections", "acme").out
    for part in ("sent twice", "right after all", "-2.5", "2026-03-01 10:00", "print", "cancelled a of allowance:adj"):
        assert part in listed
    with database.read() as session:
        [event] = session.exec(select(LedgerEvent))
        corrections = session.exec(select(UsageCorrection).order_by(col(UsageCorrection.id))).all()
        totals = session.exec(select(func.sum(UsageSum.whole), func.sum(UsageSum.nanos))).one()
    assert (event.whole, event.nanos, event.segment, event.cancelled_by) == (-3, 500_000_000, 0, "b")
    assert totals == (0, 0)
    assert [(one.reason, one.author.endswith("(command line)")) for one in corrections] == [
        ("sent twice", True),
        ("right after all", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["adjust", "acme", "interaction.sent", "-2", "--id", "a"], "--reason"),
        (
            ["adjust", "acme", "interaction.sent", "two", "--id", "a", "--reason", "r"],
            "The quantity 'two' is not a number.",
        ),
        (["adjust", "acme", "forms.level", "-2", "--id", "a", "--reason", "r"], "forms.level is a level"),
        (["adjust", "acme", "sms.sent", "-2", "--id", "a", "--reason", "r", "--time", "now"], "--time: 'now' is not"),
        (["adjust", "acme", "sms.sent", "1", "--id", "a", "--reason", "r", "--dimension", "x"], "is not KEY=VALUE"),
        (
            ["cancel", "acme", "/mailer", "c-1", "--id", "a", "--reason", "r"],
            "The ledger holds no event 'c-1' of '/mailer'.",
        ),
    ],
)
def test_a_correction_that_cannot_be_is_refused_in_a_line(run: Run, arguments: list[str], said: str) -> None:
    refused = run("events", *arguments)
    assert refused.code != 0
    assert said in refused.err
