"""Which addresses mail can be written to."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.addresses.mail_address import BadAddress, address_of, first_spellings, mailbox_of

UNWRITABLE = [
    "a<b@c.d", "a,b@x.de", "a..b@c.de", "j\u200brgen@x.de", '"jür,gen"@x.de', "jü..rgen@x.de", "ann@☕_.de", '"x@y.de',
    "a(c)@b.de", "a@b@c", "a@b\n", "a@[", "",
]  # fmt: skip


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
        written = address_of(text).addr_spec
        assert written == text or not text.rpartition("@")[2].isascii()
        assert address_of(written).addr_spec == written
        assert mailbox_of(written) == mailbox_of(text) == mailbox_of(mailbox_of(text))


@pytest.mark.parametrize(
    ("email", "written"),
    [
        ("ann@exämple.com", "ann@xn--exmple-cua.com"),
        ("Ann@EXÄMPLE.com", "Ann@xn--exmple-cua.com"),
        ("ann@exa\u0308mple.com", "ann@xn--exmple-cua.com"),
        ("ann@straße.de", "ann@xn--strae-oqa.de"),
        ("änn@exämple.com", "änn@xn--exmple-cua.com"),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
    ],
)
def test_a_domain_beyond_ascii_is_written_in_its_ascii_form(email: str, written: str) -> None:
    assert address_of(email).addr_spec == written


def test_all_spellings_of_a_mailbox_are_one() -> None:
    spellings = ["Änn@Exämple.com", "a\u0308nn@exämple.com", "ÄNN@xn--exmple-cua.com", "änn@XN--EXMPLE-CUA.COM"]
    assert {mailbox_of(email) for email in spellings} == {"änn@xn--exmple-cua.com"}
    assert first_spellings([*spellings, "bob@x.de", *spellings, "Bob@x.de"]) == [spellings[0], "bob@x.de"]
    assert mailbox_of("gross@x.de") != mailbox_of("groß@x.de")
