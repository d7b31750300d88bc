"""Mail addresses (RFC 5322, section 3.4.1), also beyond ASCII (RFC 5890 for domains, RFC 6531 for the rest).

email-validator was weighed: it refuses hosts of an own network, such as ``localhost``.
"""

import unicodedata
from collections.abc import Iterable
from email.errors import MessageError
from email.headerregistry import Address

import idna


class BadAddress(ValueError):
    """The text is not a mail address."""


def address_of(email: str, name: str = "") -> Address:
    """Return the address of ``user@example.com`` as mail is sent to it: a domain beyond ASCII in its ``xn--`` form.

    Raises:
        BadAddress: The text is no address, or more than one.
    """
    if "=?" in email:  # Python's parser decodes such words (RFC 2047), which may hold anything
        raise BadAddress(f"{email!r} is no address that mail can be written to.")
    local, _, domain = email.rpartition("@")
    # Python's parser refuses all letters beyond ASCII in the local part. It checks the rest with other letters there.
    parsed_local = local if '"' in local else "".join("x" if _is_beyond_ascii(one) else one for one in local)
    spec = f"{parsed_local}@{domain}"
    try:
        address = Address(name, addr_spec=spec)
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True).decode()
        username = address.username if local == parsed_local else local
        written = Address(name, username=username, domain=domain)
    except (MessageError, ValueError, IndexError, AttributeError):  # the last two: faults of Python's parser
        raise BadAddress(f"{email!r} is no address that mail can be written to.") from None
    if address.addr_spec != spec:  # the text has a comment
        raise BadAddress(f"{email!r} is more than an address.")
    return written


def mailbox_of(email: str) -> str:
    """Return the mailbox of an address: equal for all spellings of one.

    Upper and lower case are equal, as all but a few mail servers take them, and so are the forms of a domain beyond
    ASCII. Text that is no address is its own mailbox.
    """
    try:
        email = address_of(email).addr_spec
    except BadAddress:
        return email
    return unicodedata.normalize("NFC", email).lower()


def first_spellings(emails: Iterable[str]) -> list[str]:
    """Return the addresses without further spellings of the same mailbox, in their order."""
    first: dict[str, str] = {}
    for email in emails:
        first.setdefault(mailbox_of(email), email)
    return list(first.values())


def _is_beyond_ascii(character: str) -> bool:
    """Return whether an address may hold a character that needs SMTPUTF8; invisible ones it may not."""
    return not character.isascii() and character.isprintable()
