from datetime import UTC, datetime

import pytest
from sqlmodel import select

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.consumption.tables import Snapshot
from core.database.engine import Database
from core.queue.queue import SCHEDULE
from core.queue.tables import RefreshRun
from tests.cli.command import Run


@pytest.fixture(autouse=True)
def _licenses(database: Database) -> None:
    with database.write() as session:
        for key in ("acme", "globex", "initech"):
            put_license(session, LicenseInput(key, key.title()), datetime.now(UTC))


def measured(database: Database) -> dict[str, set[str]]:
    """The meters of each license that were ever measured."""
    with database.read() as session:
        return {
            row.license_key: {meter for meter, reading in row.readings.items() if "measured_at" in reading}
            for row in session.exec(select(Snapshot))
        }


def test_all_licenses_are_measured_and_nothing_asked_for_is_left(run: Run, database: Database) -> None:
    refreshed = run("refresh")
    assert (refreshed.code, refreshed.out) == (0, "3 of 3 licenses refreshed.\n")
    assert {key: len(meters) for key, meters in measured(database).items()} == {"acme": 20, "globex": 20, "initech": 20}
    with database.read() as session:
        asked = session.exec(select(RefreshRun).where(RefreshRun.id != SCHEDULE)).all()
    assert sorted((run.license_id, run.status, run.due_at) for run in asked) == [
        (license_id, "DONE", None) for license_id in sorted(run.license_id for run in asked)
    ]
    assert len(asked) == 3


def test_only_the_sections_named_of_the_licenses_named_are_measured(run: Run, database: Database) -> None:
    with database.write() as session:  # as if the schedule were not due
        for row in session.exec(select(RefreshRun)):
            session.delete(row)
    refreshed = run("refresh", "--license", "acme", "--license", "globex", "--section", "sms", "--section", "channels")
    assert (refreshed.code, refreshed.out) == (0, "2 of 2 licenses refreshed.\n")
    both = {"interactions", "sms_credits"}
    assert measured(database) == {"acme": both, "globex": both, "initech": set()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--license", "acne"], "No license 'acne'. Did you mean 'acme'?"),
        (["--section", "channel"], "No section 'channel'. Did you mean 'channels'? The sections are channels, sms, "),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_asked_for(
    run: Run, database: Database, arguments: list[str], said: str
) -> None:
    refused = run("refresh", *arguments)
    assert refused.code == 1
    assert refused.err.splitlines()[-1].startswith(said)
    with database.read() as session:
        assert {run.id for run in session.exec(select(RefreshRun))} == {SCHEDULE}


def test_the_past_is_measured_again_and_the_answer_states_since_when(run: Run, database: Database) -> None:
    again = run("measure-again", "--license", "acme", "--since", "2020-01-01")
    since, bound = again.out.splitlines()
    assert (again.code, since) == (0, f"acme: measured again since {datetime.now(UTC).date()}.")
    assert bound.startswith("A day before the first usage, or more than 1,100 days ago, cannot be measured again:")
    assert len(measured(database)["acme"]) == 20
