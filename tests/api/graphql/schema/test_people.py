"""The admins of a license and its contact."""

from typing import Any

import pytest
from sqlmodel import select

from core.delivery.mail.subscriptions import recipient_of, unsubscribe
from core.licenses.tables import License, id_of
from tests.api.conftest import NOW
from tests.api.server import Client, Served

PUT = """mutation($input: LicenseInput!) {
  putLicense(input: $input) { license { contact { name email url } } errors { code message path } } }"""
PEOPLE = '{ license(key: "acme") { contact { name email url } admins { email name language subscribed } } }'
NOOR = {"name": "Noor Claes", "email": "noor@vendor.example", "url": "https://vendor.example/noor"}


def put(client: Client, **fields: Any) -> dict[str, Any]:
    result: dict[str, Any] = client.data(PUT, input={"key": "acme", **fields})["putLicense"]
    return result


def test_a_contact_is_put_kept_changed_and_removed(operator: Client) -> None:
    assert put(operator, name="Acme") == {"license": {"contact": None}, "errors": []}
    assert put(operator, contact=NOOR)["license"] == {"contact": NOOR}
    assert put(operator, name="Acme Retail")["license"] == {"contact": NOOR}
    assert operator.data(PEOPLE)["license"]["contact"] == NOOR
    named = operator.data("{ licenses { edges { node { contact { name } } } } }")["licenses"]["edges"]
    assert [edge["node"] for edge in named] == [{"contact": {"name": "Noor Claes"}}]
    alone = {"name": "Sales", "email": None, "url": None}
    assert put(operator, contact={"name": "Sales"})["license"] == {"contact": alone}
    assert put(operator, contact=None)["license"] == {"contact": None}


def test_a_contact_that_changes_changes_what_readers_see(operator: Client) -> None:
    put(operator, name="Acme", contact=NOOR)
    query = '{ license(key: "acme") { contact { name } consumption { version } } }'
    before = operator.data(query)["license"]["consumption"]["version"]
    put(operator, contact=NOOR)
    assert operator.data(query)["license"] == {"contact": {"name": "Noor Claes"}, "consumption": {"version": before}}
    put(operator, contact={**NOOR, "name": "Mia"})
    assert operator.data(query)["license"] == {"contact": {"name": "Mia"}, "consumption": {"version": before + 1}}


@pytest.mark.parametrize(
    ("contact", "field", "message"),
    [
        ({"name": ""}, "name", "name must"),
        ({"name": "a\0b"}, "name", "name must"),
        ({"name": "x" * 300}, "name", "name must"),
        ({"name": "Noor", "email": "noor"}, "email", "email 'noor' is not an e-mail address."),
        ({"name": "Noor", "email": "a@b.c\nBcc: d@e.f"}, "email", "is not an e-mail address."),
        ({"name": "Noor", "url": "javascript:alert(1)"}, "url", "must begin with https:// or http://, without spaces."),
        ({"name": "Noor", "url": "https://a b"}, "url", "must begin with https://"),
        ({"name": "Noor", "url": "https://a/" + "b" * 2_000}, "url", "must begin with https://"),
    ],
)
def test_a_contact_that_cannot_be_reached_is_refused(
    operator: Client, contact: dict[str, str], field: str, message: str
) -> None:
    [error] = put(operator, name="Acme", contact=contact)["errors"]
    assert (error["code"], error["path"]) == ("BAD_INPUT", ["contact", field])
    assert message in error["message"]
    assert operator.error('{ license(key: "acme") { key } }')[0] == "NOT_FOUND"


def test_admins_are_listed_with_their_subscription(served: Served, operator: Client) -> None:
    ada = {"email": "ada@acme.example", "name": "Ada", "language": "fr"}
    put(operator, name="Acme", admins=[{"email": "bob@acme.example"}, ada])
    with served.runtime.database.write() as session:
        license_id = id_of(session.exec(select(License)).one())
        unsubscribe(session, recipient_of(session, license_id, "BOB@acme.example"), NOW)
    assert operator.data(PEOPLE)["license"]["admins"] == [
        {**ada, "subscribed": True},
        {"email": "bob@acme.example", "name": None, "language": None, "subscribed": False},
    ]
    operator.data('mutation { putLicense(input: {key: "globex", name: "Globex"}) { errors { code } } }')
    listed = operator.data("{ licenses(orderBy: NAME) { edges { node { key admins { email } } } } }")["licenses"][
        "edges"
    ]
    assert {edge["node"]["key"]: len(edge["node"]["admins"]) for edge in listed} == {"acme": 2, "globex": 0}


def test_a_key_that_only_writes_contracts_does_not_read_admins(served: Served, operator: Client) -> None:
    put(operator, name="Acme", admins=[{"email": "bob@acme.example"}])
    query = 'mutation { putLicense(input: {key: "acme"}) { license { admins { email } } } }'
    with served.client("contract:write") as client:
        [error] = client.graphql(query)["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
