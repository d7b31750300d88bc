"""What is left of credits is one figure: in the reading, its shares and the grants."""

from decimal import Decimal
from typing import Any

import pytest

from tests.api.server import Client, Served, cloudevent, nodes

GRANT = """mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { errors { code message path } } }"""
FIGURES = """{
  consumption(license: "acme") { section(key: "sms") { status readings {
    status used limit remaining overage breakdown(dimension: "entity") { key used limit remaining }
  } } }
  license(key: "acme") { grants { edges { node { key remaining } } } }
}"""


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


def grant(client: Client, id: str, amount: int, **input: object) -> None:
    given = {"id": id, "license": "acme", "amount": amount, "grantedAt": "2026-03-01T00:00:00Z", **input}
    assert client.data(GRANT, input=given)["grantCredits"]["errors"] == []


def spend(client: Client, entity: str | None, quantity: int) -> None:
    named = {} if entity is None else {"entity": entity}
    event = cloudevent("sms.sent", "acme", f"{entity}-{quantity}", time="2026-03-05T08:00:00Z", quantity=quantity)
    event["data"] = {**event["data"], **named}  # type: ignore[dict-item]
    assert client.post_events(event).json()["accepted"] == 1


def figures(served: Served, client: Client) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """Return the reading, its shares by entity, and what is left of each grant."""
    served.refresh()
    found = client.data(FIGURES)
    reading = found["consumption"]["section"]["readings"][0]
    shares = {one["key"]: one for one in reading["breakdown"]}
    return reading, shares, {one["key"]: one["remaining"] for one in nodes(found["license"]["grants"])}


def test_a_debt_of_an_entity_takes_nothing_from_the_grant_of_another(served: Served, operator: Client) -> None:
    grant(operator, "b", 100, entity="b")
    spend(operator, "a", 110)
    reading, shares, grants = figures(served, operator)
    assert grants == {"b": 100}
    assert (reading["remaining"], reading["overage"], reading["status"]) == (100, 110, "EXCEEDED")
    assert (shares["b"]["used"], shares["b"]["remaining"]) == (0, 100)
    assert shares["a"]["used"] == 110


def test_a_debt_beyond_a_shared_grant_leaves_the_entitys_grant_whole(served: Served, operator: Client) -> None:
    grant(operator, "shared", 50)
    grant(operator, "b", 20, entity="b")
    spend(operator, "a", 60)
    reading, shares, grants = figures(served, operator)
    assert grants == {"shared": 0, "b": 20}
    assert (reading["remaining"], reading["overage"]) == (20, 10)
    assert (shares["a"]["used"], shares["b"]["remaining"]) == (60, 20)


def test_the_next_grant_that_an_entity_may_use_pays_its_debt(served: Served, operator: Client) -> None:
    grant(operator, "b", 100, entity="b")
    spend(operator, "a", 110)
    grant(operator, "a", 200, entity="a")
    reading, _, grants = figures(served, operator)
    assert grants == {"a": 90, "b": 100}
    assert (reading["remaining"], reading["overage"], reading["status"]) == (190, 0, "OK")


@pytest.mark.parametrize(
    ("spent", "left", "owed"),
    [((None, 30), Decimal(90), 0), (("a", 130), Decimal(20), 30), (("b", 10), Decimal(110), 0)],
)
def test_what_grants_have_left_adds_up_to_what_the_reading_says(
    served: Served, operator: Client, spent: tuple[str | None, int], left: Decimal, owed: int
) -> None:
    grant(operator, "shared", 100)
    grant(operator, "b", 20, entity="b")
    spend(operator, *spent)
    reading, _, grants = figures(served, operator)
    assert (Decimal(reading["remaining"]), reading["overage"]) == (left, owed)
    assert Decimal(sum(grants.values())) == left
