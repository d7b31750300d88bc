"""What a caller may send: with the scope, for its license, and not more than is taken at once."""

from dataclasses import replace

import pytest

from core.access.keys import Caller, Scope
from core.errors import Forbidden, TooLarge
from core.usage.amount import TotalTooLarge
from tests.fixtures.engine import Engine, usage_event

WRITER = Caller("1", "platform", "acme", frozenset({Scope.USAGE_WRITE}))


def test_a_key_of_one_license_writes_that_license_alone(engine: Engine) -> None:
    engine.license()
    engine.license("other")
    recorded = engine.send(
        usage_event("sms.sent"),
        usage_event("sms.sent", "other"),
        usage_event("sms.sent", "nobody"),
        caller=WRITER,
    )
    assert recorded.accepted == 1
    # What is there and what is not get the same answer.
    assert [(one.index, one.code, one.message) for one in recorded.rejected] == [
        (1, "FORBIDDEN", "This key may not write usage of license 'other'."),
        (2, "FORBIDDEN", "This key may not write usage of license 'nobody'."),
    ]


@pytest.mark.parametrize("scopes", [frozenset(), frozenset(Scope) - {Scope.USAGE_WRITE}])
def test_without_the_scope_nothing_is_looked_at(engine: Engine, scopes: frozenset[Scope]) -> None:
    with pytest.raises(Forbidden):
        engine.send(None, caller=WRITER._replace(scopes=scopes))


def test_more_events_than_are_taken_at_once_are_refused_whole(engine: Engine) -> None:
    engine.license()
    small = Engine(
        replace(engine.runtime, settings=engine.runtime.settings.model_copy(update={"max_events": 3})),
    )
    assert small.send(*(usage_event("sms.sent") for _ in range(3))).accepted == 3
    with pytest.raises(TooLarge) as refused:
        small.send(*(usage_event("sms.sent") for _ in range(4)))
    assert (refused.value.code, refused.value.status) == ("TOO_LARGE", 413)
    assert refused.value.message == "4 events at once; 3 at most. Send them in parts."
    engine.refresh()
    assert engine.reading("sms_credits").used == 3


def test_an_empty_request_is_nothing(engine: Engine) -> None:
    recorded = engine.send()
    assert (recorded.accepted, recorded.duplicates, list(recorded.rejected)) == (0, 0, [])


def test_rejections_of_the_door_and_of_the_ledger_stand_in_the_order_of_the_request(engine: Engine) -> None:
    engine.license()
    recorded = engine.send(
        usage_event("sms.sent", "nobody"),
        None,
        usage_event("sms.sent", id="x"),
        usage_event("sms.sent", id="x", quantity=2),
        usage_event("nonsense"),
        usage_event("sms.sent", id="x"),
    )
    assert (recorded.accepted, recorded.duplicates) == (1, 1)
    assert [(one.index, one.code) for one in recorded.rejected] == [
        (0, "UNKNOWN_LICENSE"),
        (1, "NOT_AN_EVENT"),
        (3, "ID_CONFLICT"),
        (4, "UNKNOWN_TYPE"),
    ]


def test_a_total_that_could_not_stay_exact_is_refused_whole(engine: Engine) -> None:
    engine.license()
    with pytest.raises(TotalTooLarge):
        engine.send(usage_event("sms.sent"), *(usage_event("sms.sent", quantity=2**53) for _ in range(512)))
    engine.refresh()
    assert engine.reading("sms_credits").used == 0
