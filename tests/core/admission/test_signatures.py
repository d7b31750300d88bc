"""Signed identifiers: only an installation that the license's secret signed gets a place."""

import base64
import hmac
import string
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.administration.sign_check_ins import require_signatures, rotate_check_in_secret
from core.admission.admitter import Admitter
from core.admission.check_in import CheckIn, CheckInRequest, Decision
from core.admission.signatures import BadSignature, SigningRules, new_secret, sign
from core.errors import InvalidInput
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW

Quota = Callable[..., int]
SECRET = "alwc_secret"  # noqa: S105
RULES = SigningRules(SECRET, None, None, required=True)
KEYS = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
IDENTIFIERS = st.text(st.characters(), min_size=1, max_size=200)
SIGNED = st.tuples(KEYS, KEYS, IDENTIFIERS)


def request(license: str, meter: str, identifier: str, signature: str | None) -> CheckInRequest:
    return CheckInRequest(license, meter, identifier, "a key", signature)


def rotate(desk: Desk, overlap_days: int = 30) -> str:
    with desk.engine.database.write() as session:
        return rotate_check_in_secret(session, "acme", overlap_days, "tester", desk.now).secret


def require(desk: Desk, *, required: bool = True) -> None:
    with desk.engine.database.write() as session:
        require_signatures(session, "acme", "tester", desk.now, required=required)


def check_in(desk: Desk, installation: str, signature: str | None, admitter: Admitter | None = None) -> CheckIn:
    return (admitter or desk.server()).check_in(request("acme", METER, installation, signature))


def test_a_signature_is_an_hmac_of_three_lines() -> None:
    digest = hmac.new(b"alwc_secret", b"acme\nactive_installations\n6f1c-0a97", "sha256").digest()
    assert sign(SECRET, "acme", METER, "6f1c-0a97") == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert len({new_secret() for _ in range(10)}) == 10


@given(SIGNED, SIGNED)
def test_a_signature_is_right_for_what_was_signed_and_nothing_else(
    signed: tuple[str, str, str], sent: tuple[str, str, str]
) -> None:
    signature = sign(SECRET, *signed)
    assert RULES.require(request(*signed, signature), NOW)
    assert RULES.require(request(*signed, f"{signature}="), NOW)
    if sent != signed:
        with pytest.raises(BadSignature):
            RULES.require(request(*sent, signature), NOW)


@given(SIGNED, st.text(min_size=1), st.text())
def test_another_secret_and_any_other_text_are_refused(
    signed: tuple[str, str, str], secret: str, signature: str
) -> None:
    if secret != SECRET:
        with pytest.raises(BadSignature):
            RULES.require(request(*signed, sign(secret, *signed)), NOW)
    if signature.rstrip("=") != sign(SECRET, *signed):
        with pytest.raises(BadSignature):
            RULES.require(request(*signed, signature), NOW)


def test_made_up_installations_take_no_place_and_count_as_nothing(desk: Desk, quota: Quota) -> None:
    quota(2)
    secret = rotate(desk)
    require(desk)
    for signature in (None, "", sign("alwc_guessed", "acme", METER, "a"), sign(secret, "acme", METER, "b")):
        with pytest.raises(BadSignature) as refused:
            check_in(desk, "a", signature)
        assert (refused.value.code, refused.value.status) == ("BAD_SIGNATURE", 403)
    assert desk.rows() == []
    assert check_in(desk, "a", sign(secret, "acme", METER, "a")) == CheckIn(Decision.ADMITTED, 2, 1)
    assert desk.report() == (1, 1, 0, 0, 0)


def test_an_installation_with_a_place_is_served_until_the_window_ends(desk: Desk, quota: Quota) -> None:
    quota(1)
    desk.check_in("a")
    secret = rotate(desk)
    require(desk)
    assert check_in(desk, "a", None).decision is Decision.KNOWN
    desk.wait(days=31)
    with pytest.raises(BadSignature):
        check_in(desk, "a", None)
    assert check_in(desk, "a", sign(secret, "acme", METER, "a")).decision is Decision.ADMITTED


def test_without_a_requirement_a_wrong_signature_is_refused_and_a_missing_one_is_not(desk: Desk, quota: Quota) -> None:
    quota(2)
    assert check_in(desk, "before", "not checked").decision is Decision.ADMITTED
    rotate(desk)
    with pytest.raises(BadSignature):
        check_in(desk, "a", "wrong")
    assert check_in(desk, "a", None).decision is Decision.ADMITTED


def test_the_old_secret_signs_for_the_overlap(desk: Desk, quota: Quota) -> None:
    quota(9)
    oldest, older = rotate(desk), rotate(desk)
    new = rotate(desk, overlap_days=2)
    require(desk)
    desk.now += timedelta(days=2, microseconds=-1)
    with pytest.raises(BadSignature):
        check_in(desk, "a", sign(oldest, "acme", METER, "a"))
    for name, secret in (("b", older), ("c", new)):
        assert check_in(desk, name, sign(secret, "acme", METER, name)).decision is Decision.ADMITTED
    desk.now += timedelta(microseconds=1)
    with pytest.raises(BadSignature):
        check_in(desk, "d", sign(older, "acme", METER, "d"))
    newest = rotate(desk, overlap_days=0)
    with pytest.raises(BadSignature):
        check_in(desk, "d", sign(new, "acme", METER, "d"))
    assert check_in(desk, "d", sign(newest, "acme", METER, "d")).decision is Decision.ADMITTED


def test_a_signed_installation_is_no_newcomer(desk: Desk, quota: Quota) -> None:
    quota(50)
    secret = rotate(desk)
    admitter = desk.server(quota_newcomers_per_hour=1)
    signed = [
        check_in(desk, f"i-{number}", sign(secret, "acme", METER, f"i-{number}"), admitter) for number in range(5)
    ]
    assert [one.decision for one in signed] == [Decision.ADMITTED] * 5


def test_a_secret_of_another_license_signs_nothing(desk: Desk, quota: Quota) -> None:
    quota(2)
    desk.engine.license("globex")
    with desk.engine.database.write() as session:
        other = rotate_check_in_secret(session, "globex", 30, "tester", desk.now).secret
    rotate(desk)
    with pytest.raises(BadSignature):
        check_in(desk, "a", sign(other, "acme", METER, "a"))


def test_wrong_input_is_refused(desk: Desk, quota: Quota) -> None:
    quota(1)
    with pytest.raises(InvalidInput) as without:
        require(desk)
    assert [one.code for one in without.value.problems] == ["NO_SECRET"]
    for days in (-1, 367, 10**12):
        with pytest.raises(InvalidInput, match="overlapDays must be from 0 to 366"):
            rotate(desk, overlap_days=days)
