"""Requests for credits that make no sense are refused, and a request is closed only by a grant that could answer it."""

from typing import Any

import pytest

from tests.api.server import Client, cloudevent, nodes

REQUEST = """mutation ($input: RequestCreditsInput!) { requestCredits(input: $input) {
  request { id } errors { code message path }
} }"""
GRANT = """mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { errors { code message path } } }"""
OPEN = '{ license(key: "acme") { creditRequests { edges { node { amount closedAt } } } } }'


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    operator.post_events(cloudevent("sms.sent", "acme", "s", quantity=1, entity="be"))


def request(client: Client, **input: object) -> Any:
    return client.data(REQUEST, input={"license": "acme", "amount": 100, **input})["requestCredits"]


def grant(client: Client, **input: object) -> None:
    answer = client.data(GRANT, input={"id": "g", "license": "acme", "amount": 100, **input})["grantCredits"]
    assert answer["errors"] == []


def is_open(client: Client) -> bool:
    [found] = nodes(client.data(OPEN)["license"]["creditRequests"])
    return found["closedAt"] is None


def test_a_part_of_a_credit_cannot_be_requested(operator: Client) -> None:
    assert [one["path"] for one in request(operator, amount=0.001)["errors"]] == [["amount"]]


def test_an_entity_that_nobody_knows_cannot_be_named(operator: Client) -> None:
    answer = request(operator, entity="bee")
    assert [one["path"] for one in answer["errors"]] == [["entity"]]
    assert "'be'" in answer["errors"][0]["message"]
    assert request(operator, entity="be")["errors"] == []


@pytest.mark.parametrize(
    "input",
    [
        {"entity": "be"},
        {"grantedAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-02-01T00:00:00Z"},
        {"amount": 0.5},
    ],
    ids=["of another entity", "expired", "too small"],
)
def test_a_grant_that_could_not_answer_it_leaves_a_request_open(operator: Client, input: dict[str, Any]) -> None:
    request(operator)
    grant(operator, **input)
    assert is_open(operator)


def test_a_grant_that_answers_it_closes_a_request(operator: Client) -> None:
    request(operator)
    grant(operator)
    assert not is_open(operator)
