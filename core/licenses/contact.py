"""The contact of a license: the account manager whom its people ask for a higher limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or team on the vendor's side, with an e-mail address and a page, each None if there is none."""

    name: str
    email: str | None = None
    url: str | None = None

    @staticmethod
    def of(name: str | None, email: str | None, url: str | None) -> "Contact | None":
        """Return the contact that a license's row states, or None if the license has no contact."""
        return None if name is None else Contact(name, email, url)
