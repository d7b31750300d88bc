"""Entities on the command line."""

from datetime import UTC, datetime

import pytest

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.licenses.tables import id_of
from core.usage.entities import name_entities
from tests.cli.command import Run

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def entities(database: Database) -> None:
    with database.write() as session:
        license_id = id_of(put_license(session, LicenseInput("acme", "Acme"), AT))
        name_entities(session, [(license_id, name) for name in ("north", "south", "be")])


def test_entities_are_closed_renamed_and_listed(run: Run) -> None:
    closed = run("entities", "close", "acme", "NORTH", "--from", "2026-05-01", "--into", "all")
    assert closed.out == "The entity north of acme is closed from 2026-05-01 on, and merged into all.\n"
    assert run("entities", "close", "acme", "south").code == 0
    assert run("entities", "rename", "acme", "be", "Belgium").out == "The entity be of acme is shown as Belgium.\n"
    listed = run("entities", "list", "acme").out
    for part in ("north", "2026-05-01", "all", "south", "be", "Belgium", "command line"):
        assert part in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["close", "acme", "nroth"], "The license has no entity 'nroth'. Did you mean 'north'?"),
        (["close", "acme", "north", "--from", "May"], "--from: 'May' is not a day."),
        (["rename", "acme", "be", "South"], "'South' is another entity."),
        (["list", "nope"], "No license 'nope'."),
    ],
)
def test_a_wrong_command_says_what_is_wrong(run: Run, arguments: list[str], said: str) -> None:
    result = run("entities", *arguments)
    assert result.code == 1
    assert said in result.err
