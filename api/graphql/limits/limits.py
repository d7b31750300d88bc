"""How much is allowed, and what says that it was passed."""

from dataclasses import dataclass
from typing import Final

from core.errors import AllowanceError
from core.settings import Settings

MANY: Final = 2**53
"""Where counting stops: fragments in fragments double at each step. JSON holds it exactly."""
DIRECTIVES_IN_ONE_PLACE: Final = 5
"""The schema has two directives for documents, and neither may stand twice in a place."""

OPERATIONS: Final = 20
"""In one document, of which one is executed. Each may come to all of its fragments, so they multiply."""
NESTING: Final = 150
"""Selections in selections, fragments included: graphql-core gives validation up at 200."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How much one document may hold, with its fragments written out except for characters and tokens."""

    characters: int
    tokens: int
    fields: int
    depth: int
    aliases: int
    directives: int
    cost: int
    introspection: bool


def allowed_by(settings: Settings) -> Allowed:
    """As the settings say. Fragments may not make more fields than could be written without them: one a token."""
    return Allowed(
        characters=settings.graphql_max_characters,
        tokens=settings.graphql_max_tokens,
        fields=settings.graphql_max_tokens,
        depth=settings.graphql_max_depth,
        aliases=settings.graphql_max_aliases,
        directives=settings.graphql_max_directives,
        cost=settings.graphql_max_cost,
        introspection=settings.introspection,
    )


class DocumentTooLarge(AllowanceError):
    """A document of too many characters."""

    code = "DOCUMENT_TOO_LARGE"


class TooManyTokens(AllowanceError):
    """A document of too many words and signs."""

    code = "TOO_MANY_TOKENS"


class TooDeep(AllowanceError):
    """Fields in fields, or values in values, further than is followed."""

    code = "TOO_DEEP"


class TooManyOperations(AllowanceError):
    """A document of more operations than anybody chooses from."""

    code = "TOO_MANY_OPERATIONS"


class TooManyFields(AllowanceError):
    """Fragments that come to too many fields."""

    code = "TOO_MANY_FIELDS"


class TooManyAliases(AllowanceError):
    """The same asked again and again under other names."""

    code = "TOO_MANY_ALIASES"


class TooManyDirectives(AllowanceError):
    """Directives, in one place or in all."""

    code = "TOO_MANY_DIRECTIVES"


class TooMuchAlike(AllowanceError):
    """Fields of the same name that would have to be compared one by one."""

    code = "TOO_MUCH_ALIKE"


class TooCostly(AllowanceError):
    """An operation whose answer would be too long, or would take too much reading."""

    code = "TOO_COSTLY"
