"""Requests for credits are declined once, with a reason that admins get by e-mail."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from core.administration.decline_request import decline_request
from core.administration.inputs import AdminInput, CreditRequestInput, DeclineInput
from core.administration.request_credits import request_credits
from core.credits.listing import list_open_requests
from core.credits.tables import CreditRequest
from core.delivery.outbox.tables import Delivery, Message
from core.errors import InvalidInput
from tests.fixtures.engine import NOW, Engine

HOUR = timedelta(hours=1)


def request(engine: Engine, amount: int = 5, hours: int = 0, license: str = "acme") -> str:
    with engine.database.write() as session:
        given = CreditRequestInput(license, Decimal(amount))
        return request_credits(session, given, engine.runtime.registry, [], "console", NOW + hours * HOUR).id


def decline(engine: Engine, request: str, reason: str = "used up", license: str = "acme") -> None:
    with engine.database.write() as session:
        decline_request(session, DeclineInput(license, request, reason), (), "operator", NOW + HOUR)


def refusal(act: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(InvalidInput) as refused:
        act()
    [problem] = refused.value.problems
    return problem.code, problem.path[0], problem.message


def test_a_declined_request_is_closed_without_a_grant_and_admins_get_the_reason(engine: Engine) -> None:
    engine.license(admins=[AdminInput("ann@example.com")])
    id = request(engine)
    decline(engine, id)
    decline(engine, id)  # changes nothing
    with engine.database.read() as session:
        [kept] = session.exec(select(CreditRequest))
        [message] = session.exec(select(Message).where(Message.kind == "credits.declined"))
        deliveries = session.exec(select(Delivery).where(Delivery.message_id == message.id)).all()
    assert (kept.closed_at, kept.closed_by, kept.declined_by, kept.declined_because) == (
        NOW + HOUR, None, "operator", "used up"
    )  # fmt: skip
    assert message.document == {
        "request": {
            "id": id, "meter": "sms_credits", "amount": "5", "entity": None, "note": None, "requestedBy": "console",
            "requestedAt": "2026-03-15T12:00:00+00:00", "requestedWith": "console", "person": None,
        },
        "reason": "used up",
    }  # fmt: skip
    assert [(one.channel, one.recipient) for one in deliveries] == [("email", "ann@example.com")]


def test_a_request_is_answered_once(engine: Engine) -> None:
    engine.license()
    declined, granted = request(engine, 5), request(engine, 7)
    decline(engine, declined)
    assert refusal(lambda: decline(engine, declined, "another reason")) == (
        "ALREADY_ANSWERED",
        "request",
        f"The request '{declined}' was declined by 'operator', with the reason 'used up', at 2026-03-15T13:00:00Z.",
    )
    engine.grant("acme", "g", 7, request=granted)
    assert refusal(lambda: decline(engine, granted))[:2] == ("ALREADY_ANSWERED", "request")
    assert refusal(lambda: engine.grant("acme", "h", 5, request=declined))[:2] == ("UNKNOWN_REQUEST", "request")
    engine.grant("acme", "i", 5)  # of no request
    with engine.database.read() as session:
        assert {one.id: one.closed_by for one in session.exec(select(CreditRequest))} == {declined: None, granted: "g"}


def test_the_same_request_may_be_made_again_after_it_was_declined(engine: Engine) -> None:
    engine.license()
    first = request(engine)
    decline(engine, first)
    assert request(engine, hours=2) != first


@pytest.mark.parametrize(
    ("license", "id", "reason", "expected"),
    [
        ("acme", "none", "used up", ("UNKNOWN_REQUEST", "request")),
        ("acme", "none\0", "used up", ("BAD_INPUT", "request")),
        ("acme", "none", "", ("BAD_INPUT", "reason")),
        ("acme", "none", "x" * 501, ("BAD_INPUT", "reason")),
        ("other", "none", "used up", ("UNKNOWN_LICENSE", "license")),
    ],
)
def test_what_cannot_be_declined_is_refused(
    engine: Engine, license: str, id: str, reason: str, expected: tuple[str, str]
) -> None:
    engine.license()
    assert refusal(lambda: decline(engine, id, reason, license))[:2] == expected


def test_open_requests_are_listed_across_licenses_oldest_first_page_by_page(engine: Engine) -> None:
    engine.license("a")
    engine.license("b")
    ids = [request(engine, hours, hours, license) for hours, license in ((3, "a"), (1, "b"), (2, "a"), (4, "b"))]
    decline(engine, ids[2], license="a")
    with engine.database.read() as session:
        found = list_open_requests(session, most=10)
        assert [one.id for one in found] == [ids[1], ids[0], ids[3]]
        rest = list_open_requests(session, most=1, after=(found[0].requested_at, found[0].id))
        assert [one.id for one in rest] == [ids[0]]
