"""Persons in the schema."""

import strawberry

from core.access import person as core_person


@strawberry.type(description="A person, as the back end that made their session named them.")
class Person:
    id: str = strawberry.field(description="The id of the person at the back end.")
    name: str | None = strawberry.field(description="The name of the person. Null if the back end gave none.")
    language: str | None = strawberry.field(
        description="The language tag of the person, for example `fr`. Null if the back end gave none."
    )
    admin: bool = strawberry.field(description="Whether the person is an admin of the license at the back end.")


def shown_person(person: core_person.Person | None) -> Person | None:
    """Return a person as the schema shows it; None for none."""
    return Person(**person.to_document()) if person else None
