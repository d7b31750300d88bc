"""Asking for credits over the API, and what becomes of it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from tests.api.conftest import NOW
from tests.api.server import Client, Served, cloudevent, nodes, opaque

PUT = """mutation ($key: String!) { putLicense(input: {key: $key, name: "Acme"}) { errors { code } } }"""
REQUEST = """mutation ($input: RequestCreditsInput!) { requestCredits(input: $input) {
  request { id meter amount entity note requestedBy requestedAt closedAt closedBy { key } }
  errors { code message path }
} }"""
GRANT = """mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) {
  grant { id key } errors { code message path }
} }"""
REQUESTS = """query ($first: Int, $after: String) { license(key: "acme") {
  creditRequests(first: $first, after: $after) {
    edges { cursor node { id amount closedBy { id key } } } pageInfo { hasNextPage endCursor }
  }
} }"""
NODE = """query ($id: ID!) { node(id: $id) { ... on CreditRequest { amount closedBy { key } } } }"""


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    for key in ("acme", "other"):
        operator.data(PUT, key=key)
        operator.post_events(cloudevent("sms.sent", key, key, quantity=1, entity="be"))


def request(client: Client, **input: object) -> Any:
    return client.data(REQUEST, input={"license": "acme", "amount": 10, **input})["requestCredits"]


def grant(client: Client, **input: object) -> Any:
    return client.data(GRANT, input={"license": "acme", "amount": 10, **input})["grantCredits"]


def listed(client: Client, **page: object) -> list[tuple[float, str | None]]:
    found = nodes(client.data(REQUESTS, **page)["license"]["creditRequests"])
    return [(one["amount"], one["closedBy"] and one["closedBy"]["key"]) for one in found]


def test_a_request_is_recorded_found_again_and_closed_by_a_grant(operator: Client) -> None:
    made = request(operator, amount=12.5, entity="be", note="for Easter")
    assert made["errors"] == []
    identity = made["request"].pop("id")
    assert made["request"] == {
        "meter": "sms_credits",
        "amount": 12.5,
        "entity": "be",
        "note": "for Easter",
        "requestedBy": "a test",
        "requestedAt": "2026-03-10T09:30:00Z",
        "closedAt": None,
        "closedBy": None,
    }
    assert operator.data(NODE, id=identity)["node"] == {"amount": 12.5, "closedBy": None}
    assert grant(operator, id="g", request=identity)["errors"] == []
    assert operator.data(NODE, id=identity)["node"] == {"amount": 12.5, "closedBy": {"key": "g"}}
    assert operator.data(NODE, id=opaque("CreditRequest", "acme", "none"))["node"] is None


def test_requests_are_paged_with_open_ones_first(operator: Client, clock: time_machine.Traveller) -> None:
    for amount in range(1, 5):
        clock.move_to(NOW + amount * timedelta(minutes=1))
        request(operator, amount=amount)
    grant(operator, id="g")
    assert listed(operator) == [(4, None), (3, None), (2, None), (1, "g")]
    page = operator.data(REQUESTS, first=3)["license"]["creditRequests"]["pageInfo"]
    assert page["hasNextPage"] is True
    assert listed(operator, after=page["endCursor"]) == [(1, "g")]
    assert operator.error(REQUESTS, after="x")[0] == "BAD_CURSOR"


@pytest.mark.parametrize("named", ["", "nonsense", opaque("Grant", "acme", "g"), opaque("CreditRequest", "other", "x")])
def test_a_grant_for_a_request_of_another_license_is_an_error_in_data(operator: Client, named: str) -> None:
    [error] = grant(operator, id="g", request=named)["errors"]
    assert (error["code"], error["path"]) in [("UNKNOWN_REQUEST", ["request"]), ("BAD_INPUT", ["request"])]
    assert operator.data('{ license(key: "acme") { grants { edges { cursor } } } }')["license"]["grants"]["edges"] == []


def test_errors_of_a_credit_request_are_data(operator: Client) -> None:
    wrong = request(operator, license="nope", amount=-1, note="a\x00b")
    assert wrong["request"] is None
    assert [(one["code"], one["path"]) for one in wrong["errors"]] == [
        ("BAD_INPUT", ["amount"]),
        ("BAD_INPUT", ["note"]),
    ]
    assert [one["code"] for one in request(operator, license="nope")["errors"]] == ["UNKNOWN_LICENSE"]


def test_only_readers_of_a_license_may_request_credits_for_it(served: Served) -> None:
    with served.client("consumption:read", license="acme") as reader:
        assert request(reader)["errors"] == []
        assert len(listed(reader)) == 1
        code, said = reader.error(REQUEST, input={"license": "other", "amount": 1})
        assert (code, said) == ("FORBIDDEN", "This key does not give access to license 'other'.")
        assert reader.error(GRANT, input={"id": "g", "license": "acme", "amount": 1})[0] == "FORBIDDEN"
        assert reader.error(NODE, id=opaque("CreditRequest", "other", "x"))[0] == "FORBIDDEN"
    with served.client("usage:write", "contract:write", license="acme") as writer:
        assert writer.error(REQUEST, input={"license": "acme", "amount": 1})[0] == "FORBIDDEN"


def test_a_contract_sets_the_days_of_notice_before_credits_expire(operator: Client) -> None:
    put = """mutation ($days: [Int!]) { putContract(input: {
      license: "acme", effectiveFrom: "2026-03-10", startsOn: "2026-03-10", terms: [], expiryNoticeDays: $days
    }) { contract { expiryNoticeDays } errors { code path } } }"""
    for days, kept in ((None, [30, 7]), ([1, 60], [60, 1]), ([], [])):
        assert operator.data(put, days=days)["putContract"] == {"contract": {"expiryNoticeDays": kept}, "errors": []}
    for days in ([0], [367], [7, 7], list(range(1, 12))):
        assert operator.data(put, days=days)["putContract"] == {
            "contract": None,
            "errors": [{"code": "BAD_INPUT", "path": ["expiryNoticeDays"]}],
        }
