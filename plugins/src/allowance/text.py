"""Texts for people in one or several languages, units with their plural forms, and applications.

A Text is a `str`, namely its English text, so that code which knows only plain texts works with it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Self

from allowance.errors import InvalidDeclaration

ENGLISH: Final = "en"
TAG: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
"""A language tag in lower case (RFC 5646): a language of two or three letters, and up to three subtags."""

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""NUL and halves of surrogate pairs, which no database and no JSON document can store."""
_URL: Final = re.compile(r"(https?:/)?/[^\s\x00-\x1f]{0,2000}")
PLURALS: Final = ("zero", "one", "two", "few", "many", "other")
"""The plural categories of Unicode CLDR."""

_MOST_DIGITS: Final = 9


class Text(str):
    """A text for people in English and in further languages.

    A text in one language can be a plain `str`. The `str` of a Text is its English text.

    Example::

        Text("Profiles", fr="Profils", pt_BR="Perfis")

    Args:
        english: The text in English. People read it if they accept none of the other languages.
        languages: The text in each other language, by its tag. Write ``_`` for the hyphen of a tag. Tags that are
            keywords of Python are passed as ``**{"is": "…"}``.
    """

    __slots__ = ("languages",)

    languages: Mapping[str, str]
    """The text by language tag in lower case, English included."""

    def __new__(cls, english: str, /, **languages: str) -> Self:
        """Create a text. Declarations check it, so that their errors name the field."""
        text = super().__new__(cls, english)
        others = {tag.replace("_", "-").lower(): translated for tag, translated in languages.items()}
        text.languages = MappingProxyType({**others, ENGLISH: str.__str__(text)})
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to copy the text."""
        others = {tag: translated for tag, translated in self.languages.items() if tag != ENGLISH}
        return _copied, (str.__str__(self), others)

    def in_languages(self, languages: Sequence[str]) -> str:
        """Return the text in the first of several languages that it has, else in English, as a plain `str`.

        Args:
            languages: Language tags in lower case, the preferred ones first.
        """
        for tag in languages:
            found = self.languages.get(tag)
            if found is not None:
                return found
        return self.languages[ENGLISH]


class UnitFormat(StrEnum):
    """The way in which people read a number of a unit.

    Attributes:
        COUNT: A whole number of things, as ``1,000 profiles``.
        DECIMAL: A number that may have a fraction, as ``1.5 hours``.
        BYTES: A number of bytes, shown in the largest fitting unit, as ``1.5 GB``.
        MONTHS: A number of months, as ``24 months``.
        RATIO: A quotient of two numbers, as ``1.25 interactions per profile``.
    """

    COUNT = "COUNT"
    DECIMAL = "DECIMAL"
    BYTES = "BYTES"
    MONTHS = "MONTHS"
    RATIO = "RATIO"


_DIGITS: Final = {
    UnitFormat.COUNT: 0, UnitFormat.DECIMAL: 3, UnitFormat.BYTES: 1, UnitFormat.MONTHS: 0, UnitFormat.RATIO: 2
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit with its plural forms, each in one or several languages, and the format of its numbers.

    Example::

        Unit(one=Text("profile", fr="profil"), other=Text("profiles", fr="profils"))

    Attributes:
        one: The form for the plural category ``one`` of Unicode CLDR: in English for 1, in French for 0, 1 and 1.5.
        other: The form for all numbers that have no form of their own.
        zero: The form for the category ``zero``, for languages that have it; None for `other`.
        two: The form for the category ``two``; None for `other`.
        few: The form for the category ``few``; None for `other`.
        many: The form for the category ``many``; None for `other`.
        format: The way in which people read the numbers.
        fraction_digits: The largest number of fraction digits that people are shown, from 0 to 9; None for the
            usual number of the format: 3 for DECIMAL, 2 for RATIO, 1 for BYTES, 0 for COUNT and MONTHS.
    """

    one: str
    other: str
    zero: str | None = None
    two: str | None = None
    few: str | None = None
    many: str | None = None
    format: UnitFormat = UnitFormat.COUNT
    fraction_digits: int | None = None

    def __str__(self) -> str:
        """Return the English plural."""
        return in_languages(self.other, ())

    @property
    def digits(self) -> int:
        """The largest number of fraction digits that people are shown."""
        return _DIGITS[self.format] if self.fraction_digits is None else self.fraction_digits

    @property
    def forms(self) -> dict[str, str]:
        """The forms by plural category; ``other`` is always there."""
        given = ((category, getattr(self, category)) for category in PLURALS)
        return {category: form for category, form in given if form is not None}

    def language_in(self, languages: Sequence[str]) -> str:
        """Return the first of several languages that the unit has, else English; tags are in lower case."""
        known = self.other.languages if isinstance(self.other, Text) else ()
        return next((tag for tag in languages if tag in known or tag == ENGLISH), ENGLISH)

    def form(self, category: str, language: str) -> str:
        """Return the form of a plural category in a language of the unit, see :meth:`language_in`.

        The form `other` stands in for a form that is missing in that language, but never a form in another language.

        Args:
            category: A plural category of Unicode CLDR, as ``one``.
            language: A language tag in lower case.
        """
        for form in (self.forms.get(category), self.other):
            if isinstance(form, Text) and language in form.languages:
                return form.languages[language]
            if form is not None and not isinstance(form, Text) and language == ENGLISH:
                return form
        return in_languages(self.other, (language,))


@dataclass(frozen=True, slots=True)
class Application:
    """An application of the platform, in which the notices of a meter are shown.

    Example::

        Application("campaigns", Text("Campaigns", fr="Campagnes"), "https://app.example.com/campaigns")

    Attributes:
        key: The stable key, by which front ends name the application.
        title: The title for people; None for the key in words.
        url: The address of the application: an absolute URL, or a path on the platform's own host; None for none.
    """

    key: str
    title: str | None = None
    url: str | None = None


def unit_of(unit: "str | Unit") -> Unit:
    """Return a unit that is given as a plural, in one or several languages, with its plural as its only form."""
    return unit if isinstance(unit, Unit) else Unit(one=unit, other=unit, format=UnitFormat.DECIMAL)


def in_languages(text: str, languages: Sequence[str]) -> str:
    """Return a text in the first of several languages that it has, else in English, as a plain `str`."""
    return text.in_languages(languages) if isinstance(text, Text) else text


def in_words(key: str) -> str:
    """Return a key as a title, as ``Call center`` for ``call_center``."""
    return f"{key[:1].upper()}{key[1:]}".replace("_", " ")


def languages_of(text: "str | Unit") -> frozenset[str]:
    """Return the tags of the languages of a text; none for a plain text, whose language is not known."""
    if isinstance(text, Unit):
        return frozenset(tag for form in text.forms.values() for tag in languages_of(form))
    return frozenset(text.languages) if isinstance(text, Text) else frozenset()


def check_text(what: str, text: object) -> None:
    """Raise :class:`InvalidDeclaration` unless `text` is a text, not empty in any language, that can be stored."""
    if not _is_text(text):
        raise InvalidDeclaration(f"{what} must be a text and not empty, not {text!r}")
    if isinstance(text, Text):
        for tag, translated in text.languages.items():
            if not TAG.fullmatch(tag):
                raise InvalidDeclaration(f"{what}: {tag!r} is not a language tag, as 'fr' or 'pt-BR'")
            if not _is_text(translated):
                raise InvalidDeclaration(f"{what} in {tag!r} must be a text and not empty, not {translated!r}")


def check_unit(what: str, unit: object) -> None:
    """Raise :class:`InvalidDeclaration` unless `unit` is a text, or a unit with valid forms and a valid format."""
    if not isinstance(unit, Unit):
        check_text(what, unit)
        return
    for category, form in unit.forms.items():
        check_text(f"{what}: `{category}`", form)
    if not isinstance(unit.other, str) or not isinstance(unit.one, str):
        raise InvalidDeclaration(f"{what} needs the forms `one` and `other`")
    if not isinstance(unit.format, UnitFormat):
        raise InvalidDeclaration(f"{what}: `format` must be a UnitFormat, not {unit.format!r}")
    digits = unit.fraction_digits
    if digits is not None and (type(digits) is not int or not 0 <= digits <= _MOST_DIGITS):
        raise InvalidDeclaration(f"{what}: `fraction_digits` must be a whole number up to {_MOST_DIGITS}")


def check_application(what: str, application: object) -> None:
    """Raise :class:`InvalidDeclaration` unless `application` is a key, or an application with a valid title and URL."""
    if not isinstance(application, Application):
        check_text(what, application)
        return
    check_text(f"{what}: `key`", application.key)
    if application.title is not None:
        check_text(f"{what} {application.key!r}: `title`", application.title)
    url = application.url
    if url is not None and not (isinstance(url, str) and _URL.fullmatch(url)):
        raise InvalidDeclaration(
            f"{what} {application.key!r}: `url` must begin with https://, http:// or /, not {url!r}"
        )


def _is_text(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and not UNSTORABLE.search(text)


def _copied(english: str, languages: dict[str, str]) -> Text:
    return Text(english, **languages)
