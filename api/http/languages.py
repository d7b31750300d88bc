"""The languages of a request: the parameter `lang` of its URL, or the header Accept-Language."""

from typing import Final

from starlette.datastructures import QueryParams
from starlette.types import Scope

from api.http.asgi import list_header
from core.languages.negotiation import Languages, Negotiator

PARAMETER: Final = "lang"
_IN_QUERY: Final = PARAMETER.encode()


def languages_of(scope: Scope, negotiator: Negotiator) -> Languages:
    """Return the languages of a request.

    Raises:
        core.languages.negotiation.BadLanguage: The parameter `lang` is not a language tag.
    """
    return named_languages(scope, negotiator) or negotiator.accepted(list_header(scope, b"accept-language"))


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
