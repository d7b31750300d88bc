"""Contract versions and suspended licenses on the command line."""

import getpass
from datetime import UTC, date, datetime

import pytest
from sqlmodel import select

from core.administration.inputs import ContractInput, LicenseInput
from core.administration.put_contract import put_contract
from core.administration.put_license import put_license
from core.database.engine import Database
from core.licenses.tables import Contract, License
from core.plugins.host import load_plugins
from tests.cli.command import Run

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)
AUTHOR = f"{getpass.getuser()} (command line)"


@pytest.fixture
def acme(database: Database) -> None:
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), AT)
        for day in (date(2026, 1, 1), date(2199, 1, 1)):
            put_contract(session, ContractInput("acme", day, day, ()), load_plugins(), AT)


def withdrawn(database: Database) -> list[tuple[int, str | None]]:
    with database.read() as session:
        versions = session.exec(select(Contract).order_by(Contract.version)).all()  # type: ignore[arg-type]
        return [(one.version, one.withdrawn_by) for one in versions if one.withdrawn_at]


@pytest.mark.usefixtures("acme")
def test_a_version_to_come_is_withdrawn_and_stays_in_the_list(run: Run, database: Database) -> None:
    for _ in range(2):
        done = run("contracts", "withdraw", "acme", 2)
        assert (done.code, done.out) == (0, "Version 2 of the contract of acme is withdrawn.\n")
    assert withdrawn(database) == [(2, AUTHOR)]
    listed = run("contracts", "list", "acme").out
    for part in ("2199-01-01", "2026-01-01", AUTHOR):
        assert part in listed


@pytest.mark.usefixtures("acme")
def test_a_version_that_has_begun_is_withdrawn_with_begun(run: Run, database: Database) -> None:
    refused = run("contracts", "withdraw", "acme", 1)
    assert refused.code == 1
    assert "Version 1 has begun on 2026-01-01. Set begun to withdraw it nevertheless." in refused.err
    assert withdrawn(database) == []
    assert run("contracts", "withdraw", "acme", 1, "--begun").code == 0
    assert withdrawn(database) == [(1, AUTHOR)]


@pytest.mark.usefixtures("acme")
def test_a_license_is_suspended_and_resumed(run: Run, database: Database) -> None:
    def suspended() -> tuple[str | None, str | None]:
        with database.read() as session:
            row = session.exec(select(License)).one()
            return row.suspended_because, row.suspended_by

    for _ in range(2):
        assert run("licenses", "suspend", "acme", "--reason", "unpaid").out == "acme is suspended.\n"
        assert suspended() == ("unpaid", AUTHOR)
    for _ in range(2):
        assert run("licenses", "resume", "acme").out == "acme is not suspended.\n"
        assert suspended() == (None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["contracts", "withdraw", "acme", "7"], "No contract version 7 of license 'acme'. Its versions are: 1, 2."),
        (["contracts", "withdraw", "nope", "1"], "No license 'nope'."),
        (["contracts", "list", "acm"], "No license 'acm'. Did you mean 'acme'?"),
        (["licenses", "suspend", "acme", "--reason", ""], "reason must not be empty."),
        (["licenses", "suspend", "nope", "--reason", "x"], "No license 'nope'."),
        (["licenses", "resume", "nope"], "No license 'nope'."),
    ],
)
@pytest.mark.usefixtures("acme")
def test_a_wrong_argument_is_refused_in_one_line(run: Run, arguments: list[str], message: str) -> None:
    refused = run(*arguments)
    assert refused.code == 1
    assert message in refused.err
