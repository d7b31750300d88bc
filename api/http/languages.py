"""The languages of a request: the parameter `lang` of its URL, its person's, or the header Accept-Language."""

from typing import Final

from starlette.datastructures import QueryParams
from starlette.types import Scope

from api.http.asgi import list_header
from core.languages.negotiation import BadLanguage, Languages, Negotiator

PARAMETER: Final = "lang"
_IN_QUERY: Final = PARAMETER.encode()


def languages_of(scope: Scope, negotiator: Negotiator, person: str | None = None) -> Languages:
    """Return the languages of a request.

    Args:
        scope: The request.
        negotiator: Chooses among the known languages.
        person: The language of the person whom the request is of, which comes before the header; None if not known.

    Raises:
        core.languages.negotiation.BadLanguage: The parameter `lang` is not a language tag.
    """
    named = named_languages(scope, negotiator)
    return named or negotiator.accepted(person or list_header(scope, b"accept-language"))


def page_languages(scope: Scope, negotiator: Negotiator, person: str | None = None) -> Languages:
    """Return the languages of a page for people, which is shown also if the parameter `lang` is not a language tag.

    Args:
        scope: The request.
        negotiator: Chooses among the known languages.
        person: The language of the person; None if not known.
    """
    try:
        return languages_of(scope, negotiator, person)
    except BadLanguage:
        return negotiator.accepted(person)


def named_languages(scope: Scope, negotiator: Negotiator) -> Languages | None:
    """Return the languages that the parameter `lang` names, None without the parameter.

    Raises:
        core.languages.negotiation.BadLanguage: The parameter is not a language tag.
    """
    query: bytes = scope["query_string"]
    if _IN_QUERY not in query:  # as most requests; parsing would cost more than all the rest here
        return None
    tag = QueryParams(query).get(PARAMETER)
    return negotiator.named(tag) if tag else None
