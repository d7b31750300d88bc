"""Headers of e-mails hold the texts of users, and nothing that such a text only spells."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, compat32
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.addresses.mail_address import BadAddress, address_of
from core.delivery.mail.headers import POLICY, UnsafeHeader, verify_headers

INJECTION = "=?utf-8?q?x=0D=0AX-Injected:_1?="
PARTS = st.sampled_from(
    ["=?utf-8?q?", "=?utf-8?b?", "=0D=0A", "DQo=", "DQoNCng=", "?=", "X-Injected:_1", "=?", "é", "x", " ", ",", '"',
     "<", ">", "(", ";", ":", "\\", "@", "x" * 80, "日" * 40]
)  # fmt: skip
NAMES = st.lists(PARTS, min_size=1, max_size=8).map("".join).map(str.strip).filter(bool)


def mail(name: str) -> EmailMessage:
    message = EmailMessage(POLICY)
    message["From"] = Address(name, "sender", "example.com")
    message["To"] = Address(name, "ann", "example.com")
    message["Subject"] = f"{name}: credits expire soon"
    message.set_content("text")
    return message


@given(NAMES, st.sampled_from([SMTP, SMTPUTF8]))
@example(INJECTION, SMTP)
@example("=?utf-8?q?x=0D=0A=0D=0Aa_body?= é", SMTP)
@example("a =?utf-8?b?DQpYLUluajogMQ==?=", SMTPUTF8)
@example("eve@example.org," + "x" * 80, SMTP)
@example("X-Injected:_1" + "x" * 80, SMTPUTF8)
def test_a_name_adds_no_header_and_no_body_and_is_read_as_written(name: str, policy: type) -> None:
    message = mail(name)
    verify_headers(message)
    read = message_from_bytes(message.as_bytes(policy=policy), policy=compat32)  # type: ignore[arg-type]
    expected = ["From", "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    assert list(read.keys()) == expected
    assert read.get_payload() == "text\r\n"
    assert [address for _, address in getaddresses([str(read["To"])])] == ["ann@example.com"]
    if name.isascii() or policy is SMTP:
        assert words(str(make_header(decode_header(read["Subject"])))) == words(f"{name}: credits expire soon")
        [(shown, _)] = getaddresses([str(read["To"])])
        assert words(str(make_header(decode_header(shown)))) == words(name)


SENTENCES = st.lists(
    st.sampled_from(["été", "refusée", "crédits", "a", "licence", "dépassée", "日本"]), min_size=1
).map(" ".join)


@given(SENTENCES)
@example("Acme Retail : une demande de crédits a été refusée")
def test_spaces_between_words_stay(text: str) -> None:
    message = EmailMessage(POLICY)
    message["To"] = Address(text, "ann", "example.com")
    message["Subject"] = text
    message.set_content("text")
    verify_headers(message)
    read = message_from_bytes(message.as_bytes(policy=SMTP), policy=compat32)  # type: ignore[arg-type]
    [(name, _)] = getaddresses([str(read["To"])])
    for shown in (read["Subject"], name):
        assert str(make_header(decode_header(shown))) == text


def words(text: str) -> str:
    """Return a text without spaces, which folding may move."""
    return "".join(text.split())


def test_a_header_with_a_line_break_is_refused() -> None:
    message = EmailMessage(compat32)  # type: ignore[arg-type]
    message["X-Text"] = "a\r\nX-Injected: 1"
    with pytest.raises(UnsafeHeader, match=r"The header X-Text would hold more than its own text\."):
        verify_headers(message)


@pytest.mark.parametrize(
    "email", ["x=?utf-8?q?=0D=0A?=@example.com", "x@[=?utf-8?q?x=0D=0A?=]", "é=?utf-8?b?DQo=?=@b.c"]
)
def test_an_address_never_looks_encoded(email: str) -> None:
    with pytest.raises(BadAddress):
        address_of(email)
