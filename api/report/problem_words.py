"""Why there is no report, in sentences for its readers. The messages of the API are in English, and for developers."""

from collections.abc import Mapping
from typing import Final

from api.graphql.errors import INTERNAL, TIMED_OUT
from core.errors import Forbidden, NotFound, Overloaded, RateLimited, Unauthenticated, Unavailable
from core.languages.words import Words

_BUSY: Final = "The server is busy. Try again in a minute."
SENTENCES: Final[Mapping[str, str]] = {
    Unauthenticated.code: "This access code is not known, or not valid any more.",
    NotFound.code: "There is no such license. Check the address.",
    Forbidden.code: "This access code does not open the report of this license.",
    INTERNAL: "Something went wrong on our side. If it happens again, contact the support team.",
    **dict.fromkeys((Overloaded.code, RateLimited.code, Unavailable.code, TIMED_OUT), _BUSY),
}


def problem_in_words(code: str, words: Words) -> str | None:
    """Return the sentence for the code of an error; None if the error is of the address, which its message explains."""
    sentence = SENTENCES.get(code)
    return None if sentence is None else words.sentence(sentence)
