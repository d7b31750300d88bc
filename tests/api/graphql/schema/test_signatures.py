"""The secret that signs installations is made, shown once and rotated by mutations, and obeyed at once."""

from typing import Any

import pytest

from core.admission.signatures import sign
from tests.api.server import Client

ROTATE = """mutation ($input: RotateCheckInSecretInput!) { rotateCheckInSecret(input: $input) {
  secret signatures { required secretMadeAt previousUntil } errors { code path } } }"""
REQUIRE = """mutation ($input: RequireSignaturesInput!) { requireSignatures(input: $input) {
  signatures { required } errors { code path } } }"""
CHECK_IN = "mutation ($input: CheckInInput!) { checkIn(input: $input) { decision } }"


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')
    operator.data(
        'mutation { putContract(input: {license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", '
        'terms: [{key: "active_installations", value: 9}]}) { errors { code } } }'
    )


def rotate(client: Client, **given: object) -> Any:
    return client.data(ROTATE, input={"license": "acme", **given})["rotateCheckInSecret"]


def require(client: Client, *, required: bool) -> Any:
    return client.data(REQUIRE, input={"license": "acme", "required": required})["requireSignatures"]


def check_in(client: Client, installation: str, secret: str | None) -> Any:
    given = {"license": "acme", "installation": installation}
    if secret:
        given["signature"] = sign(secret, "acme", "active_installations", installation)
    return client.post("/check-in", json=given)


def test_signatures_are_checked_at_once(operator: Client) -> None:
    assert check_in(operator, "before", None).status_code == 200
    made = rotate(operator)
    assert made["signatures"] == {"required": False, "secretMadeAt": "2026-03-10T09:30:00Z", "previousUntil": None}
    assert require(operator, required=True) == {"signatures": {"required": True}, "errors": []}
    refused = check_in(operator, "a", None)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "BAD_SIGNATURE")
    assert check_in(operator, "a", made["secret"]).json()["decision"] == "ADMITTED"
    new = rotate(operator, overlapDays=1)
    assert new["signatures"]["previousUntil"] == "2026-03-11T09:30:00Z"
    assert [check_in(operator, *one).status_code for one in (("b", made["secret"]), ("c", new["secret"]))] == [200] * 2
    ended = rotate(operator, overlapDays=0)
    assert ended["signatures"]["previousUntil"] is None
    assert check_in(operator, "d", new["secret"]).status_code == 403
    assert require(operator, required=False)["signatures"] == {"required": False}
    assert check_in(operator, "d", None).json()["decision"] == "ADMITTED"


def test_the_mutation_checks_signatures_as_well(operator: Client) -> None:
    secret = rotate(operator)["secret"]
    signature = sign(secret, "acme", "active_installations", "a")
    wrong = operator.graphql(CHECK_IN, input={"license": "acme", "installation": "b", "signature": signature})
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_SIGNATURE"
    right = operator.data(CHECK_IN, input={"license": "acme", "installation": "a", "signature": signature})
    assert right["checkIn"] == {"decision": "ADMITTED"}


def test_wrong_input_is_reported(operator: Client) -> None:
    assert require(operator, required=True)["errors"] == [{"code": "NO_SECRET", "path": ["license"]}]
    assert rotate(operator, overlapDays=-1)["errors"] == [{"code": "BAD_INPUT", "path": ["overlapDays"]}]
    assert rotate(operator, overlapDays=2**31 - 1)["errors"] == [{"code": "BAD_INPUT", "path": ["overlapDays"]}]
    assert rotate(operator, license="acne")["errors"] == [{"code": "UNKNOWN_LICENSE", "path": ["license"]}]
