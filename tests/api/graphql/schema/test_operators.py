"""What operators see across licenses: alerts, requests to answer, deliveries that are stuck."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core.delivery.outbox.claim import claim_delivery
from core.delivery.outbox.outcome import Outcome, record_outcome
from core.delivery.outbox.tables import Delivery, DeliveryStatus
from tests.api.conftest import NOW
from tests.api.server import Client, Served, cloudevent, nodes, opaque

LICENSE = """mutation ($key: String!) {
  putLicense(input: {key: $key, name: $key, admins: [{email: "ann@example.com"}]}) { errors { message } }
  putContract(input: {
    license: $key, effectiveFrom: "2026-01-01", startsOn: "2026-01-01",
    terms: [{key: "forms", value: 5}, {key: "users", value: 10}]
  }) { errors { message } }
}"""
ALERTS = """query ($open: Boolean, $status: [UsageStatus!], $first: Int, $after: String) {
  alerts(open: $open, status: $status, first: $first, after: $after) {
    edges { cursor node { license { key name } meter { key } status recoveredAt period { start } } }
    pageInfo { hasNextPage endCursor } } }"""
REQUEST = """mutation ($license: String!, $amount: Float!) {
  requestCredits(input: {license: $license, amount: $amount}) { request { id } errors { message } } }"""
OPEN = """query ($first: Int, $after: String) { openCreditRequests(first: $first, after: $after) {
  edges { cursor node { id license { key } amount closedAt declinedBecause } } pageInfo { hasNextPage } } }"""
DECLINE = """mutation ($license: String!, $request: ID!, $reason: String!) {
  declineCreditRequest(input: {license: $license, request: $request, reason: $reason}) {
    request { closedAt closedBy { key } declinedBecause } errors { code path } } }"""
STUCK = """query ($first: Int, $after: String) { stuckDeliveries(first: $first, after: $after) {
  edges { cursor node { id license { key } kind channel recipient status attempts detail dueAt createdAt } }
  pageInfo { hasNextPage } } }"""
REDELIVER = """mutation ($license: String!, $delivery: ID!) {
  redeliver(input: {license: $license, delivery: $delivery}) { delivery { status attempts } errors { code path } } }"""


def exceed(served: Served, client: Client, *keys: str) -> None:
    """Licenses that exceed their forms and have 8 of 10 users."""
    for key in keys:
        client.data(LICENSE, key=key)
        client.post_events(
            cloudevent("forms.level", key, f"f-{key}", value=6), cloudevent("users.level", key, f"u-{key}", value=8)
        )
    served.refresh()


def listed(client: Client, **variables: Any) -> list[tuple[str, str]]:
    return [(one["license"]["key"], one["meter"]["key"]) for one in nodes(client.data(ALERTS, **variables)["alerts"])]


def test_alerts_are_listed_across_licenses_and_a_key_of_one_license_sees_its_own(
    served: Served, operator: Client
) -> None:
    exceed(served, operator, "a", "b")
    everything = listed(operator)
    assert sorted(everything) == [("a", "forms"), ("b", "forms")]
    assert listed(operator, status=["AT_RISK"], open=True) == []
    assert sorted(listed(operator, status=["EXCEEDED"], open=True)) == sorted(everything)
    assert listed(operator, open=False) == []
    with served.client("consumption:read", license="b") as own:
        assert listed(own) == [("b", "forms")]
    first = operator.data(ALERTS, first=1)["alerts"]
    assert first["pageInfo"]["hasNextPage"]
    second = operator.data(ALERTS, first=1, after=first["pageInfo"]["endCursor"])["alerts"]
    assert not second["pageInfo"]["hasNextPage"]
    assert [one["license"]["key"] for page in (first, second) for one in nodes(page)] == [key for key, _ in everything]


@pytest.mark.parametrize("cursor", ["x", opaque("alerts", "2026-01-01T00:00:00Z", "a"), opaque("allAlerts", "x", "a")])
def test_a_cursor_of_another_list_is_refused(operator: Client, cursor: str) -> None:
    assert operator.error(ALERTS, after=cursor)[0] == "BAD_CURSOR"


def test_a_request_is_declined_with_a_reason_that_the_license_sees(served: Served, operator: Client) -> None:
    for number, key in enumerate("ab"):
        operator.data(LICENSE, key=key)
        operator.data(REQUEST, license=key, amount=5 + number)
    [first, second] = nodes(operator.data(OPEN)["openCreditRequests"])
    assert {first["license"]["key"], second["license"]["key"]} == {"a", "b"}
    key = first["license"]["key"]
    declined = operator.data(DECLINE, license=key, request=first["id"], reason="used up")["declineCreditRequest"]
    assert declined == {
        "request": {"closedAt": "2026-03-10T09:30:00Z", "closedBy": None, "declinedBecause": "used up"},
        "errors": [],
    }
    assert [one["id"] for one in nodes(operator.data(OPEN)["openCreditRequests"])] == [second["id"]]
    again = operator.data(DECLINE, license=key, request=first["id"], reason="other")["declineCreditRequest"]
    assert again == {"request": None, "errors": [{"code": "ALREADY_ANSWERED", "path": ["request"]}]}
    with served.client("consumption:read", license=key) as own:
        query = "query ($key: String!) { license(key: $key) { creditRequests { edges { node { declinedBecause } } } } }"
        [seen] = nodes(own.data(query, key=key)["license"]["creditRequests"])
    assert seen == {"declinedBecause": "used up"}


def test_deliveries_that_are_stuck_are_listed_and_sent_again(served: Served, operator: Client) -> None:
    exceed(served, operator, "a", "b", "c")
    database = served.runtime.database
    outcomes = [Outcome(DeliveryStatus.PARKED, "550 no such mailbox"), Outcome(None, "450 busy"),
                Outcome(DeliveryStatus.SENT, "250 OK")]  # fmt: skip
    for outcome in outcomes:
        with database.write() as session:
            claimed = claim_delivery(session, NOW + timedelta(minutes=1), timedelta(minutes=2))
        assert claimed
        with database.write() as session:
            record_outcome(session, claimed.delivery, outcome, NOW + timedelta(minutes=1))
    found = nodes(operator.data(STUCK)["stuckDeliveries"])
    assert {(one["status"], one["detail"], one["attempts"]) for one in found} == {
        ("PARKED", "550 no such mailbox", 1),
        ("PENDING", "450 busy", 1),
    }
    assert {(one["kind"], one["channel"], one["recipient"]) for one in found} == {
        ("threshold.crossed", "email", "ann@example.com")
    }
    first = operator.data(STUCK, first=1)["stuckDeliveries"]
    assert first["pageInfo"]["hasNextPage"]
    rest = operator.data(STUCK, after=first["edges"][0]["cursor"])["stuckDeliveries"]
    assert [one["id"] for page in (first, rest) for one in nodes(page)] == [one["id"] for one in found]
    [parked] = [one for one in found if one["status"] == "PARKED"]
    names = {"license": parked["license"]["key"], "delivery": parked["id"]}
    assert operator.data(REDELIVER, **names)["redeliver"] == {
        "delivery": {"status": "PENDING", "attempts": 1},
        "errors": [],
    }
    assert operator.data(REDELIVER, **{**names, "delivery": "none"})["redeliver"]["errors"] == [
        {"code": "UNKNOWN_DELIVERY", "path": ["delivery"]}
    ]
    with database.read() as session:
        rows = session.exec(select(Delivery).order_by(col(Delivery.status))).all()
    assert [one.status for one in rows] == ["PENDING", "PENDING", "SENT"]
