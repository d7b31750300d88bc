from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlmodel import select, update

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.usage.tables import UsageLevel, UsageSum
from tests.cli.command import Run

DAY = "2026-03-15"


@pytest.fixture(autouse=True)
def _usage(database: Database, run: Run, tmp_path: Path) -> None:
    """A counter of acme and a level of globex."""
    with database.write() as session:
        for key in ("acme", "globex"):
            put_license(session, LicenseInput(key, key.title()), datetime.now(UTC))
    common = {"specversion": "1.0", "id": "1", "source": "/test", "time": f"{DAY}T12:00:00Z"}
    counted = {"quantity": 2.5, "entity": "be", "dimensions": {"channel": "print"}}
    events = [
        {**common, "type": "interaction.sent", "subject": "acme", "data": counted},
        {**common, "type": "forms.level", "subject": "globex", "data": {"value": 7}},
    ]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join(map(orjson.dumps, events)))
    assert run("events", "import", file, "--backfill").code == 0


def test_without_differences_it_says_so(run: Run) -> None:
    counted = run("recount")
    assert (counted.code, counted.out) == (0, "No differences in 2 licenses.\n")


def test_every_difference_is_reported_with_both_numbers_and_the_exit_status_is_1(run: Run, database: Database) -> None:
    with database.write() as session:
        session.exec(update(UsageSum).values(whole=3))
        session.delete(session.exec(select(UsageLevel)).one())
    counted = run("recount")
    assert counted.code == 1
    assert counted.out.splitlines() == [
        f'acme: interaction.sent entity be {{"channel":"print"}} on {DAY}: the ledger says 2.5 in 1 event, '
        "the rollup 3.5 in 1 event",
        f"globex: forms.level on {DAY}: the ledger says 7 at {DAY}T12:00:00+00:00 by '1' of '/test', "
        "the rollup nothing",
    ]
    assert counted.err.splitlines()[-1] == "2 differences between the ledger and the sums that meters read."


def test_one_license_can_be_recounted_alone(run: Run, database: Database) -> None:
    with database.write() as session:
        session.exec(update(UsageSum).values(whole=3))
    assert run("recount", "--license", "globex").out == "No differences in 1 license.\n"
    assert run("recount", "--license", "globex", "--license", "acme").code == 1


def test_a_license_that_is_not_there_is_refused_with_the_nearest(run: Run) -> None:
    refused = run("recount", "--license", "glovex")
    assert (refused.code, refused.err.splitlines()[-1]) == (1, "No license 'glovex'. Did you mean 'globex'?")
