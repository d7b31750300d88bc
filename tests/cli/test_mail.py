"""The e-mails of a license on the command line."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlmodel import select

from core.administration.inputs import AdminInput, LicenseInput
from core.administration.put_license import put_license
from core.alerts.crossings import Crossing, MeterCrossings, record_crossings
from core.database.engine import Database
from core.delivery.outbox.tables import Delivery
from core.licenses.tables import id_of
from tests.cli.command import Run

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def license_id(database: Database) -> int:
    admins = (AdminInput("ada@acme.example", "Ada", "nl"), AdminInput("bob@acme.example"))
    with database.write() as session:
        return id_of(put_license(session, LicenseInput("acme", "Acme", admins=admins), AT))


def cross(database: Database, license_id: int) -> None:
    crossing = Crossing(
        license_id, "forms", date(2026, 1, 1), date(2027, 1, 1), Decimal(1), Decimal(5), "5 forms", 1, Decimal(6),
        "EXCEEDED", AT,
    )  # fmt: skip
    with database.write() as session:
        record_crossings(session, [MeterCrossings(license_id, "forms", (crossing,))], AT)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if "@" in line]


def test_admins_are_listed_unsubscribed_and_subscribed_again(run: Run, license_id: int) -> None:
    assert rows(run("mail", "list", "acme").out) == [
        ["ada@acme.example", "Ada", "nl", "yes"],
        ["bob@acme.example", "yes"],
    ]
    gone = run("mail", "unsubscribe", "acme", "ADA@acme.example")
    assert gone.out == "ADA@acme.example gets no more e-mails of the license acme.\n"
    listed = run("mail", "list", "acme").out
    assert [row[:4] for row in rows(listed)] == [["ada@acme.example", "Ada", "nl", "no"], ["bob@acme.example", "yes"]]
    assert "Nobody" not in listed
    run("mail", "unsubscribe", "acme", "bob@acme.example")
    assert run("mail", "list", "acme").out.endswith("Nobody gets the e-mails of the license acme.\n")
    again = run("mail", "subscribe", "acme", "ada@acme.example")
    assert again.out == "ada@acme.example gets the e-mails of the license acme.\n"
    assert rows(run("mail", "list", "acme").out)[0] == ["ada@acme.example", "Ada", "nl", "yes"]


def test_a_license_without_admins_says_that_nobody_gets_e_mails(run: Run, database: Database) -> None:
    with database.write() as session:
        put_license(session, LicenseInput("acme", "Acme"), AT)
    assert run("mail", "list", "acme").out == "Nobody gets the e-mails of the license acme.\n"


def test_an_unknown_admin_or_license_is_named_with_the_nearest(run: Run, license_id: int) -> None:
    unknown = run("mail", "unsubscribe", "acme", "ad@acme.example")
    near = "The license has no admin 'ad@acme.example'. Did you mean 'ada@acme.example'?"
    assert unknown.err == f"{near} 'allowance mail list' shows its admins.\n"
    assert unknown.code == 1
    assert run("mail", "list", "acm").err == "No license 'acm'. Did you mean 'acme'?\n"


def test_who_is_subscribed_again_gets_open_alerts_that_nobody_got(
    run: Run, database: Database, license_id: int
) -> None:
    for email in ("ada@acme.example", "bob@acme.example"):
        run("mail", "unsubscribe", "acme", email)
    cross(database, license_id)
    assert "nobody" in run("alerts", "list").out
    with database.write() as session:
        for delivery in session.exec(select(Delivery)):
            delivery.status, delivery.due_at = "DROPPED", None
    subscribed = run("mail", "subscribe", "acme", "ada@acme.example").out
    assert subscribed.splitlines()[1] == "An e-mail about its open alerts is on its way."
    with database.read() as session:
        pending = session.exec(select(Delivery).where(Delivery.status == "PENDING")).all()
    assert [delivery.recipient for delivery in pending] == ["ada@acme.example"]
