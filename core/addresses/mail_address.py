"""Mail addresses (RFC 5322, section 3.4.1)."""

from email.errors import MessageError
from email.headerregistry import Address


class BadAddress(ValueError):
    """The text is not a mail address."""


def address_of(email: str, name: str = "") -> Address:
    """Return the address of ``user@example.com`` for a header. Raises :class:`BadAddress`."""
    try:
        address = Address(name, addr_spec=email)
    except (MessageError, ValueError, IndexError, AttributeError):  # the last two: faults of Python's parser
        raise BadAddress(f"{email!r} is no address that mail can be written to.") from None
    if address.addr_spec != email:  # the text has a comment
        raise BadAddress(f"{email!r} is more than an address.")
    return address
