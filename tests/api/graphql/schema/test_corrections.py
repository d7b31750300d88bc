"""Corrections over the API: grants that are voided."""

from typing import Any

import pytest

from tests.api.server import Client, Served, cloudevent, nodes

GRANT = """mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { errors { code message path } } }"""
VOID = """mutation ($input: VoidGrantInput!) { voidGrant(input: $input) {
  grant { key remaining voidedAt voidedAll } errors { code message path }
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
