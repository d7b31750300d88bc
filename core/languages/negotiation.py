"""The negotiation of a reader's languages: by a tag, or by the header Accept-Language (RFC 9110, section 12.5.4).

``babel.negotiate_locale`` returns a single language. Plugins can bring languages of their own, so a reader needs all
the languages that are accepted, in order: a text that lacks the first is shown in the next.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from allowance.text import ENGLISH

from core.errors import BadInput
from core.text import shown

Languages: TypeAlias = tuple[str, ...]
"""Tags of languages in lower case, the preferred one first. The last is English, which every text has."""

TRANSLATED: Final = (ENGLISH, "fr")
"""The languages of the application's own sentences."""
ENGLISH_ALONE: Final[Languages] = (ENGLISH,)

_TAG: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_RANGE: Final = re.compile(
    r"\s*([a-z]{1,8}(?:-[a-z0-9]{1,8}){0,5})\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST: Final = 500
_MOST_RANGES: Final = 20
_MOST_LANGUAGES: Final = 6
_REMEMBERED: Final = 200
"""Characters of the longest header whose result is remembered; those of browsers are shorter."""


class BadLanguage(BadInput):
    """A language that is stated by something else than a language tag."""

    code = "BAD_LANGUAGE"


class Negotiator:
    """The choice of languages out of those that are known."""

    def __init__(self, known: Iterable[str]) -> None:
        """Choose among known tags in lower case, beside the languages of the application itself."""
        self._known = frozenset(known) | frozenset(TRANSLATED)
        self._remembered = lru_cache(1000)(self._accepted)

    def accepted(self, header: str | None) -> Languages:
        """Return the known languages that a header accepts. What is no language range is passed over."""
        if header is None:
            return ENGLISH_ALONE
        return self._remembered(header) if len(header) <= _REMEMBERED else self._accepted(header)

    def named(self, tag: str) -> Languages:
        """Return the known languages of a tag that a reader named, English if it is not known.

        Raises:
            BadLanguage: The text is not a language tag.
        """
        if not _TAG.fullmatch(tag):
            raise BadLanguage(f"The language {shown(tag)} is not a language tag, as 'fr' or 'fr-CH'.")
        return self._languages([tag.replace("_", "-").lower()])

    def _accepted(self, header: str) -> Languages:
        ranges = []
        for part in header[:_LONGEST].split(",")[:_MOST_RANGES]:
            found = _RANGE.fullmatch(part)
            if found and (weight := float(found[2] or 1)):
                ranges.append((-weight, found[1].lower()))
        return self._languages(tag for _, tag in sorted(ranges, key=lambda one: one[0]))

    def _languages(self, tags: Iterable[str]) -> Languages:
        chosen: dict[str, None] = {}
        for tag in tags:
            chosen |= dict.fromkeys(self._matches(tag))
            if ENGLISH in chosen or len(chosen) >= _MOST_LANGUAGES:
                break
        before = [tag for tag in chosen if tag != ENGLISH][:_MOST_LANGUAGES]
        return (*before, ENGLISH) if before else ENGLISH_ALONE

    def _matches(self, tag: str) -> Iterator[str]:
        """Yield the known tags for a tag: itself and what it is a region of (RFC 4647, section 3.4), else a region."""
        subtags, found = tag.split("-"), False
        for length in range(len(subtags), 0, -1):
            prefix = "-".join(subtags[:length])
            if prefix in self._known:
                found = True
                yield prefix
        if not found:
            yield from sorted(known for known in self._known if known.startswith(f"{tag}-"))[:1]


def content_language(languages: Languages) -> str:
    """Return the languages that an answer can have: up to the first that all of the application's sentences have."""
    for position, tag in enumerate(languages):
        if tag in TRANSLATED:
            return ", ".join(languages[: position + 1])
    return ENGLISH
