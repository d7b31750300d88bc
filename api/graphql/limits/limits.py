"""The limits of a document, and an error for each limit."""

from dataclasses import dataclass
from typing import Final

from core.errors import AllowanceError
from core.settings import Settings

MANY: Final = 2**53
"""The number at which counting stops, since fragments in fragments double at each step. JSON holds it exactly."""
DIRECTIVES_IN_ONE_PLACE: Final = 5
"""Directives in one place of a document. The schema has two directives, and neither may be repeated."""

OPERATIONS: Final = 20
"""Operations in one document. Only one is executed; but each may use all fragments, so that they multiply."""
NESTING: Final = 150
"""Selections in selections, fragments included. The validation of graphql-core fails at 200."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request. Characters, tokens and values count as sent, the rest with all fragments expanded."""

    characters: int
    tokens: int
    fields: int
    depth: int
    aliases: int
    directives: int
    cost: int
    values: int
    introspection: bool


def limits_from(settings: Settings) -> Limits:
    """Return the limits that the settings state.

    Fragments may not expand to more fields than a document without fragments can have: one for each token.
    """
    return Limits(
        characters=settings.graphql_max_characters,
        tokens=settings.graphql_max_tokens,
        fields=settings.graphql_max_tokens,
        depth=settings.graphql_max_depth,
        aliases=settings.graphql_max_aliases,
        directives=settings.graphql_max_directives,
        cost=settings.graphql_max_cost,
        values=settings.graphql_max_values,
        introspection=settings.introspection,
    )


class DocumentTooLarge(AllowanceError):
    """A document with too many characters."""

    code = "DOCUMENT_TOO_LARGE"


class TooManyTokens(AllowanceError):
    """A document with too many tokens: names, values and punctuation."""

    code = "TOO_MANY_TOKENS"


class TooDeep(AllowanceError):
    """A document with too many fields in fields, or values in values."""

    code = "TOO_DEEP"


class TooManyOperations(AllowanceError):
    """A document with too many operations."""

    code = "TOO_MANY_OPERATIONS"


class TooManyFields(AllowanceError):
    """A document whose fragments expand to too many fields."""

    code = "TOO_MANY_FIELDS"


class TooManyAliases(AllowanceError):
    """A document with too many aliases, each of which may repeat a field."""

    code = "TOO_MANY_ALIASES"


class TooManyDirectives(AllowanceError):
    """A document with too many directives, in one place or in all."""

    code = "TOO_MANY_DIRECTIVES"


class TooMuchAlike(AllowanceError):
    """A document with too many fields of the same name, which validation compares in pairs."""

    code = "TOO_MUCH_ALIKE"


class TooCostly(AllowanceError):
    """An operation whose cost, by the cost map, is too high."""

    code = "TOO_COSTLY"
