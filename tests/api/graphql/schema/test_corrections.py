"""Corrections over the API: grants that are voided, usage that is adjusted, and events that are cancelled."""

from typing import Any

import pytest

from tests.api.server import Client, Served, cloudevent, nodes

GRANT = """mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { errors { code message path } } }"""
VOID = """mutation ($input: VoidGrantInput!) { voidGrant(input: $input) {
  grant { key remaining voidedAt voidedAll } errors { code message path }
} }"""
ADJUST = """mutation ($input: AdjustUsageInput!) { adjustUsage(input: $input) {
  adjusted errors { code message path }
} }"""
CREDITS = """{
  consumption(license: "acme") { section(key: "sms") { readings { used limit remaining overage } } }
  license(key: "acme") { grants { edges { node { key remaining voidedAt voidedAll } } } }
}"""


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    for key in ("a", "b"):
        given = {"id": key, "license": "acme", "amount": 100, "grantedAt": "2026-03-01T00:00:00Z"}
        assert operator.data(GRANT, input=given)["grantCredits"]["errors"] == []
    sent = cloudevent("sms.sent", "acme", "1", time="2026-03-05T08:00:00Z", quantity=30)
    assert operator.post_events(sent).json()["accepted"] == 1


def void(client: Client, grant: str, **rest: object) -> Any:
    return client.data(VOID, input={"license": "acme", "grant": grant, "note": "why", **rest})["voidGrant"]


def credits(served: Served, client: Client) -> tuple[tuple[float, ...], list[tuple[object, ...]]]:
    served.refresh()
    found = client.data(CREDITS)
    [reading] = found["consumption"]["section"]["readings"]
    grants = nodes(found["license"]["grants"])
    figures = tuple(reading[name] for name in ("used", "limit", "remaining", "overage"))
    return figures, [(one["key"], one["remaining"], one["voidedAll"]) for one in grants]


def test_what_is_left_of_a_grant_is_voided(served: Served, operator: Client) -> None:
    assert credits(served, operator) == ((30, 200, 170, 0), [("a", 70, False), ("b", 100, False)])
    voided = {"key": "a", "remaining": 0, "voidedAt": "2026-03-10T09:30:00Z", "voidedAll": False}
    for _ in range(2):
        assert void(operator, "a") == {"grant": voided, "errors": []}
    assert credits(served, operator) == ((0, 100, 100, 0), [("a", 0, False), ("b", 100, False)])


def test_a_grant_is_voided_without_a_note_as_well(operator: Client) -> None:
    for _ in range(2):
        answer = operator.data(VOID, input={"license": "acme", "grant": "b"})["voidGrant"]
        assert (answer["grant"]["remaining"], answer["errors"]) == (0, [])
    (problem,) = void(operator, "b", note="why")["errors"]
    assert (problem["code"], "without a note" in problem["message"]) == ("ALREADY_VOIDED", True)


def test_a_grant_is_voided_as_if_it_had_never_been(served: Served, operator: Client) -> None:
    assert void(operator, "a", all=True)["grant"]["voidedAll"] is True
    assert credits(served, operator) == ((30, 100, 70, 0), [("a", 0, True), ("b", 70, False)])
    [error] = void(operator, "a")["errors"]
    assert (error["code"], error["path"]) == ("ALREADY_VOIDED", ["grant"])
    assert "by 'a test'" in error["message"]


def test_an_unknown_grant_is_refused_with_the_nearest(operator: Client) -> None:
    result = void(operator, "aa")
    [error] = result["errors"]
    assert (result["grant"], error["code"], error["path"]) == (None, "UNKNOWN_GRANT", ["grant"])


def adjust(client: Client, id: str, **input: object) -> Any:
    return client.data(ADJUST, input={"id": id, "license": "acme", "reason": "why", **input})["adjustUsage"]


def test_usage_is_adjusted_by_a_signed_quantity(served: Served, operator: Client) -> None:
    given = {"event": "sms.sent", "quantity": -12.5, "time": "2026-03-05T08:00:00Z"}
    for _ in range(2):
        assert adjust(operator, "1", **given) == {"adjusted": True, "errors": []}
    assert credits(served, operator)[0] == (17.5, 200, 182.5, 0)
    result = adjust(operator, "1", **{**given, "quantity": -1})
    [error] = result["errors"]
    assert (result["adjusted"], error["code"], error["path"]) == (False, "ID_CONFLICT", ["id"])


def test_an_event_is_cancelled(served: Served, operator: Client) -> None:
    assert adjust(operator, "1", cancels={"source": "/test", "id": "1"}) == {"adjusted": True, "errors": []}
    assert credits(served, operator)[0] == (0, 200, 200, 0)
    for id, code in (("1", "ALREADY_CANCELLED"), ("2", "UNKNOWN_EVENT")):
        [error] = adjust(operator, "2", cancels={"source": "/test", "id": id})["errors"]
        assert (error["code"], error["path"]) == (code, ["cancels"])


def test_an_adjustment_is_checked_as_an_event(operator: Client) -> None:
    given = {"event": "interaction.sent", "quantity": -1, "entity": "", "dimensions": {"channel": "prnt"}}
    [error] = adjust(operator, "1", **given)["errors"]
    assert (error["code"], error["path"]) == ("BAD_INPUT", ["entity"])
    [error] = adjust(operator, "1", **{**given, "entity": "be"})["errors"]
    assert (error["code"], error["path"]) == ("UNKNOWN_DIMENSION_VALUE", ["dimensions"])
    assert "Did you mean 'print'?" in error["message"]
