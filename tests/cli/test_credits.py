"""Requests for credits and grants on the command line."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlmodel import select

from core.administration.inputs import CreditRequestInput, LicenseInput
from core.administration.put_license import put_license
from core.administration.request_credits import request_credits
from core.database.engine import Database
from core.licenses.tables import Grant, id_of
from core.plugins.host import load_plugins
from core.usage.entities import name_entities
from tests.cli.command import Run

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def request_id(database: Database) -> str:
    with database.write() as session:
        license = put_license(session, LicenseInput("acme", "Acme"), AT)
        name_entities(session, [(id_of(license), "be; rm -rf")])
        given = CreditRequestInput("acme", Decimal("12.50"), "be; rm -rf", "[bold]for Easter")
        return request_credits(session, given, load_plugins(), [], "console", AT).id


def grants(database: Database) -> list[tuple[str, Decimal, str | None, datetime | None]]:
    with database.read() as session:
        return [(one.id, one.amount, one.entity, one.expires_at) for one in session.exec(select(Grant))]


def test_a_request_is_listed_until_a_grant_answers_it(run: Run, database: Database, request_id: str) -> None:
    for listed in (run("credits", "requests").out, run("credits", "requests", "--license", "acme").out):
        for part in (request_id, "acme", "sms_credits", "12.50", "be; rm -rf", "[bold]for Easter", "console"):
            assert part in listed
    given = ("credits", "grant", "acme", 5, "--request", request_id, "--expires-at", "2027-01-01T00:00:00Z")
    for _ in range(2):
        assert run(*given).out == f"Granted to acme: 5 of sms_credits, grant {request_id}.\n"
    assert grants(database) == [(request_id, Decimal(5), "be; rm -rf", datetime(2027, 1, 1, tzinfo=UTC))]
    assert request_id not in run("credits", "requests").out
    assert run("credits", "requests", "--all").out.count(request_id) == 2


def test_credits_are_granted_without_a_request(run: Run, database: Database, request_id: str) -> None:
    assert run("credits", "grant", "acme", "0.5", "--id", "q1", "--note", "a gift").code == 0
    assert grants(database) == [("q1", Decimal("0.5"), None, None)]
    assert request_id in run("credits", "requests").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme", "x", "--id", "g"], "The amount 'x' is not a number."),
        (["acme", "-5"], ""),
        (["acme", "5"], "give the grant an id with --id"),
        (["acme", "5", "--request", "nope"], "No request 'nope' of 'acme'."),
        (["nope", "5", "--id", "g"], "No license 'nope'. Put it first."),
        (["acme", "5", "--id", "g", "--expires-at", "tomorrow"], "--expires-at: 'tomorrow' is not RFC 3339"),
        (["acme", "5", "--id", "g", "--expires-at", "2020-01-01T00:00:00Z"], "expiresAt must be after grantedAt."),
    ],
)
def test_a_grant_that_cannot_be_is_refused_in_a_line(
    run: Run, database: Database, request_id: str, arguments: list[str], said: str
) -> None:
    refused = run("credits", "grant", *arguments)
    assert refused.code != 0
    assert said in refused.err
    assert grants(database) == []


def test_grants_are_listed_and_voided(run: Run, database: Database, request_id: str) -> None:
    for id in ("q1", "q2"):
        assert run("credits", "grant", "acme", "0.5", "--id", id).code == 0
    for _ in range(2):
        voided = run("credits", "void", "acme", "q1", "--note", "[bold]refunded")
        assert voided.out == "What is left of the grant q1 of acme is void: 0.5 of sms_credits.\n"
    assert run("credits", "void", "acme", "q2", "--all", "--note", "by mistake").out.startswith("All of the grant q2")
    listed = run("credits", "list", "acme").out
    for part in ("q1", "q2", "0.5", "[bold]refunded", "by mistake", "(command line)", "yes"):
        assert part in listed
    with database.read() as session:
        grants = session.exec(select(Grant).order_by(Grant.id)).all()
    assert [(one.id, one.voided_all, one.void_note) for one in grants] == [
        ("q1", False, "[bold]refunded"),
        ("q2", True, "by mistake"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme", "q1"], "--note"),
        (["acme", "q1", "--note", "x"], "The license has no grant 'q1'."),
        (["nope", "q1", "--note", "x"], "No license 'nope'."),
    ],
)
def test_a_grant_that_cannot_be_voided_is_refused_in_a_line(
    run: Run, request_id: str, arguments: list[str], said: str
) -> None:
    refused = run("credits", "void", *arguments)
    assert refused.code != 0
    assert said in refused.err


def test_a_request_is_declined_with_a_reason(run: Run, request_id: str) -> None:
    declined = run("credits", "decline", "acme", request_id[:8], "--reason", "used up")
    assert declined.out == f"The request {request_id} of acme is declined: 12.50 of sms_credits.\n"
    assert request_id not in run("credits", "requests").out
    assert "used up" in run("credits", "requests", "--all").out
    assert "was declined by" in run("credits", "decline", "acme", request_id, "--reason", "other").err
