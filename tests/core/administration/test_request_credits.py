"""Requests for credits: recorded once, told to the operators, answered by a grant."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, select

from core.access.person import Person, read_person
from core.administration.inputs import CreditRequestInput
from core.administration.request_credits import MOST_OPEN, request_credits
from core.credits.listing import list_requests
from core.credits.tables import CreditRequest
from core.delivery.outbox.tables import Delivery, Message
from core.errors import InvalidInput
from core.usage.entities import name_entities
from tests.fixtures.engine import NOW, Engine

HOUR = timedelta(hours=1)


def ask(engine: Engine, amount: int | str = 5, hours: int = 0, operators: Sequence[str] = (), **rest: str) -> str:
    """Ask for credits of acme; the id of the request. Its entity is known by usage."""
    if rest.get("entity"):
        with engine.database.write() as session:
            name_entities(session, [(engine.id(), rest["entity"])])
    given = CreditRequestInput(**{"license": "acme", "amount": Decimal(amount), **rest})  # type: ignore[arg-type]
    with engine.database.write() as session:
        registry = engine.runtime.registry
        return request_credits(session, given, registry, operators, "console", NOW + hours * HOUR).id


def answers(engine: Engine) -> dict[str, str | None]:
    """The grant that answered each request."""
    with engine.database.read() as session:
        return {one.id: one.closed_by for one in session.exec(select(CreditRequest))}


def wrong(act: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        act()
    return [(problem.code, problem.path[0]) for problem in refused.value.problems]


def test_a_request_is_recorded_and_told_to_every_operator(engine: Engine) -> None:
    engine.license()
    request = ask(engine, "1.50", operators=["ann@example.com", "bob@example.com"], entity="be", note="for Easter")
    with engine.database.read() as session:
        [kept] = session.exec(select(CreditRequest))
        [message] = session.exec(select(Message))
        deliveries = session.exec(select(Delivery).order_by(col(Delivery.recipient))).all()
    assert (kept.id, kept.meter, kept.amount, kept.entity, kept.note, kept.requested_by, kept.requested_at) == (
        request, "sms_credits", Decimal("1.50"), "be", "for Easter", "console", NOW
    )  # fmt: skip
    assert (message.kind, message.document) == (
        "credits.requested",
        {
            "request": {
                "id": request,
                "meter": "sms_credits",
                "amount": "1.50",
                "entity": "be",
                "note": "for Easter",
                "requestedBy": "console",
                "requestedWith": "console",
                "requestedAt": "2026-03-15T12:00:00+00:00",
                "person": None,
            }
        },
    )
    assert [(one.channel, one.recipient) for one in deliveries] == [
        ("email", "ann@example.com"),
        ("email", "bob@example.com"),
    ]


def test_a_request_of_a_person_is_recorded_and_told_under_their_name(engine: Engine) -> None:
    engine.license()
    ann, bob = Person("u-1", "Ann", "fr", admin=True), Person("u-2")

    def asked_by(person: Person | None) -> str:
        given = CreditRequestInput("acme", Decimal(5))
        with engine.database.write() as session:
            return request_credits(session, given, engine.runtime.registry, (), "portal", NOW, person).id

    first = asked_by(ann)
    assert asked_by(ann._replace(name="Ann Smith")) == first, "the same person asks again"
    others = [asked_by(bob), asked_by(None)]
    assert len({first, *others}) == 3
    with engine.database.read() as session:
        kept = {one.id: (one.requested_by, read_person(one.person)) for one in session.exec(select(CreditRequest))}
        documents = [one.document["request"] for one in session.exec(select(Message))]
    assert kept == {first: ("portal", ann), others[0]: ("portal", bob), others[1]: ("portal", None)}
    told = {one["id"]: (one["requestedBy"], one["requestedWith"], one["person"]) for one in documents}
    assert told == {
        first: ("Ann", "portal", {"id": "u-1", "name": "Ann", "language": "fr", "admin": True}),
        others[0]: ("u-2", "portal", {"id": "u-2", "name": None, "language": None, "admin": False}),
        others[1]: ("portal", "portal", None),
    }


def test_without_operators_a_request_is_in_the_log(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    engine.license()
    request = ask(engine)
    assert f"License acme asks for 5 of sms_credits, request {request}." in caplog.text
    with engine.database.read() as session:
        assert session.exec(select(Delivery)).all() == []


def test_an_open_request_that_says_the_same_is_given_again_and_nobody_is_told_twice(engine: Engine) -> None:
    engine.license()
    with ThreadPoolExecutor(4) as threads:
        ids = set(threads.map(lambda _: ask(engine, operators=["ann@example.com"]), range(8)))
    assert ids == answers(engine).keys()
    with engine.database.read() as session:
        assert len(session.exec(select(Delivery)).all()) == len(ids) == 1
    engine.grant("acme", "g", 5)
    assert ask(engine) not in ids


def test_so_many_requests_may_be_open_and_no_more(engine: Engine) -> None:
    engine.license()
    for amount in range(1, MOST_OPEN + 1):
        ask(engine, amount)
    assert wrong(lambda: ask(engine, 100)) == [("TOO_MANY_REQUESTS", "license")]
    engine.grant("acme", "g", 1)
    ask(engine, 100)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"license": "nope"}, [("UNKNOWN_LICENSE", "license")]),
        ({"meter": "forms"}, [("UNKNOWN_METER", "meter")]),
        ({"amount": "0"}, [("BAD_INPUT", "amount")]),
        ({"amount": "0.999"}, [("BAD_INPUT", "amount")]),
        ({"amount": "NaN"}, [("BAD_INPUT", "amount")]),
        ({"note": "two\nlines"}, [("BAD_INPUT", "note")]),
        ({"note": "x" * 1001}, [("BAD_INPUT", "note")]),
        ({"entity": ""}, [("BAD_INPUT", "entity")]),
    ],
)
def test_a_request_that_cannot_be_is_refused(
    engine: Engine, given: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    engine.license()
    assert wrong(lambda: ask(engine, **given)) == expected  # type: ignore[arg-type]
    assert answers(engine) == {}


def test_a_grant_answers_the_oldest_open_request_for_its_meter_and_entity(engine: Engine) -> None:
    engine.license()
    second, first, other = ask(engine, 1, hours=2), ask(engine, 2, hours=1), ask(engine, 3, entity="be")
    engine.grant("acme", "one", 100)
    assert answers(engine) == {first: "one", second: None, other: None}
    engine.grant("acme", "one", 100)
    assert answers(engine) == {first: "one", second: None, other: None}
    engine.grant("acme", "two", 3, entity="be")
    engine.grant("acme", "three", 3, entity="nl")
    assert answers(engine) == {first: "one", second: None, other: "two"}


def test_a_grant_answers_the_request_that_it_names_whatever_it_is_for(engine: Engine) -> None:
    engine.license()
    first, second = ask(engine, 1), ask(engine, 2, hours=1, entity="be")
    engine.grant("acme", "g", 1, request=second)
    assert answers(engine) == {first: None, second: "g"}
    engine.grant("acme", "g", 1, request=second)
    assert wrong(lambda: engine.grant("acme", "g", 1, request=first)) == [("ID_CONFLICT", "request")]
    assert wrong(lambda: engine.grant("acme", "h", 1, request=second)) == [("UNKNOWN_REQUEST", "request")]
    assert wrong(lambda: engine.grant("acme", "h", 1, request="nope")) == [("UNKNOWN_REQUEST", "request")]
    engine.license("other")
    assert wrong(lambda: engine.grant("other", "h", 1, request=first)) == [("UNKNOWN_REQUEST", "request")]
    assert answers(engine) == {first: None, second: "g"}
    assert engine.snapshot("other").readings == {}


def test_two_grants_at_once_answer_two_requests(engine: Engine) -> None:
    engine.license()
    asked = {ask(engine, number, hours=number) for number in range(1, 9)}
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: engine.grant("acme", f"g{number}", 8), range(8)))
    found = answers(engine)
    assert found.keys() == asked
    assert set(found.values()) == {f"g{number}" for number in range(8)}


def test_open_requests_are_listed_first_and_then_the_newest(engine: Engine) -> None:
    engine.license()
    ids = [ask(engine, number + 1, hours=number) for number in range(5)]
    engine.grant("acme", "a", 1, request=ids[4])
    engine.grant("acme", "b", 1, request=ids[1])
    order = [ids[number] for number in (3, 2, 0, 4, 1)]
    license_id = engine.id()
    with engine.database.read() as session:
        seen: list[str] = []
        place = None
        while page := list_requests(session, [license_id], most=2, after=place)[license_id]:
            seen += [one.id for one in page]
            place = (page[-1].closed_at is not None, page[-1].requested_at, page[-1].id)
    assert seen == order
