"""Signatures as the Standard Webhooks specification has them, checked by its own library and by plain HMAC."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.delivery.webhooks.sign import MOST_SECRETS, OVERLAP, new_secret, rotate_secrets, signature_headers
from tests.fixtures.engine import NOW

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the one of the reference libraries' tests


def secrets_of(*values: str) -> list[dict[str, str | None]]:
    """Rotated one after the other at the same moment, the newest last."""
    found: list[dict[str, str | None]] = []
    for value in values:
        found = rotate_secrets(found, value, OVERLAP, NOW)
    return found


def test_the_headers_are_those_of_the_specification() -> None:
    found = signature_headers("id", '{"a":1}', secrets_of(SECRET), NOW)
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    timestamp = int(NOW.timestamp())
    digest = hmac.new(key, f'id.{timestamp}.{{"a":1}}'.encode(), hashlib.sha256).digest()
    assert found == {
        "webhook-id": "id",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def test_a_secret_is_as_long_as_the_specification_asks_for_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) for one in made} == {32}
    assert all(one.startswith("whsec_") for one in made)


@given(st.text(), st.integers(0, 999_999))
def test_the_reference_library_verifies_any_body_within_any_second(body: str, microsecond: int) -> None:
    at, secret = NOW.replace(microsecond=microsecond), new_secret()
    encodable = body.encode(errors="replace").decode()
    with time_machine.travel(at, tick=False):
        Webhook(secret).verify(encodable, signature_headers("id", encodable, secrets_of(secret), at), json_parse=False)


def verifies(secret: str, found: list[dict[str, str | None]], at: datetime) -> bool:
    with time_machine.travel(at, tick=False):
        try:
            Webhook(secret).verify("{}", signature_headers("id", "{}", found, at))
        except WebhookVerificationError:
            return False
    return True


def test_while_two_secrets_overlap_both_verify_and_then_the_new_one_alone() -> None:
    old, new = new_secret(), new_secret()
    found = secrets_of(old, new)
    last = NOW + OVERLAP - timedelta(microseconds=1)
    for at, whose in [(NOW, [old, new]), (last, [old, new]), (NOW + OVERLAP, [new])]:
        assert [secret for secret in (old, new) if verifies(secret, found, at)] == whose
    assert len(signature_headers("id", "{}", found, NOW)["webhook-signature"].split(" ")) == 2


def test_an_overlap_of_nothing_ends_every_old_secret_at_once() -> None:
    first, second, third = new_secret(), new_secret(), new_secret()
    found = rotate_secrets(secrets_of(first, second), third, timedelta(), NOW)
    assert found == [{"secret": third, "until": None}]


def test_a_longer_overlap_never_lengthens_the_life_of_a_secret_that_was_rotated_before() -> None:
    first, second, third = new_secret(), new_secret(), new_secret()
    found = rotate_secrets(secrets_of(first, second), third, timedelta(days=10), NOW)
    assert not verifies(first, found, NOW + OVERLAP)
    assert verifies(second, found, NOW + timedelta(days=9))


@pytest.mark.parametrize("number", [MOST_SECRETS, MOST_SECRETS + 4])
def test_a_few_secrets_at_the_most_sign_at_the_same_time(number: int) -> None:
    made = [new_secret() for _ in range(number)]
    assert [one["secret"] for one in secrets_of(*made)] == made[::-1][:MOST_SECRETS]
