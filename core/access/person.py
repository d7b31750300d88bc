"""The person for whom a back end creates a session, and the stored form of a person."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Person(NamedTuple):
    """A person, as a back end names them: nothing of it is verified here.

    Attributes:
        id: The id of the person at the back end.
        name: The name of the person; None if the back end gave none.
        language: The language tag of the person; None if the back end gave none.
        admin: Whether the person is an admin of the license at the back end.
    """

    id: str
    name: str | None = None
    language: str | None = None
    admin: bool = False

    @property
    def shown_name(self) -> str:
        """The name, or the id of a person without a name."""
        return self.name or self.id

    def to_document(self) -> dict[str, Any]:
        """Return the person as JSON stores it."""
        return self._asdict()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Person":
        """Read a stored person."""
        return cls(document["id"], document["name"], document["language"], document["admin"])


def stored_person(person: Person | None) -> dict[str, Any] | None:
    """Return the value of a column for a person."""
    return person.to_document() if person else None


def read_person(document: Mapping[str, Any] | None) -> Person | None:
    """Return the person of a column's value."""
    return Person.from_document(document) if document else None


def requester_name(person: Person | None, key: str) -> str:
    """Return the name that a request is recorded under: that of the person, or of the key without a person."""
    return person.shown_name if person else key
