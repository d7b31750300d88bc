"""Which addresses mail can be written to."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.addresses.mail_address import BadAddress, address_of

UNWRITABLE = ["a<b@c.d", "a,b@x.de", "a..b@c.de", "jürgen@x.de", '"x@y.de', "a(c)@b.de", "a@b@c", "a@b\n", "a@[", ""]


@pytest.mark.parametrize("email", UNWRITABLE)
def test_what_no_header_can_hold_is_refused(email: str) -> None:
    with pytest.raises(BadAddress):
        address_of(email)


@pytest.mark.parametrize("email", ["ann@example.com", "o'neil+x@example.co.uk", "allowance@localhost", '"a b"@c.de'])
def test_an_address_is_kept_as_it_is(email: str) -> None:
    assert address_of(email, "Ann Ünïted").addr_spec == email


@given(st.text(alphabet='ab@.,;:<>()[]"\\ \té\n', max_size=12))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with suppress(BadAddress):
        assert address_of(text).addr_spec == text
