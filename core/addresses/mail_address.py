"""Addresses that mail can be written to (RFC 5322, section 3.4.1)."""

from email.errors import MessageError
from email.headerregistry import Address


class BadAddress(ValueError):
    """No header of a mail could hold this address."""


def address_of(email: str, name: str = "") -> Address:
    """The address of ``user@example.com``, as headers hold it. Raises :class:`BadAddress`."""
    try:
        address = Address(name, addr_spec=email)
    except (MessageError, ValueError, IndexError):
        raise BadAddress(f"{email!r} is no address that mail can be written to.") from None
    if address.addr_spec != email:  # it holds a comment
        raise BadAddress(f"{email!r} is more than an address.")
    return address
