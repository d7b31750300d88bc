"""The words of a reader's languages: translated sentences, numbers, plurals, dates."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from allowance import Unit, UnitFormat
from allowance.text import in_languages
from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations
from babel.units import format_unit

from core.languages.negotiation import TRANSLATED, Languages

_CATALOGUES: Final = Path(__file__).parent / "locale"
_TENTH_OF_A_PERCENT: Final = Decimal("0.001")
_FRACTION_OF_A_COUNT: Final = 3
_BYTES: Final = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")
MOST_DIGITS: Final = 1000
"""More digits than a reading has. Babel rounds in the decimal context of the thread, which refuses longer numbers."""


class Words:
    """The words of a reader. Sentences, numbers and dates are in the first language that the application has itself."""

    def __init__(self, languages: Languages) -> None:
        """Prepare the words of languages, the preferred one first."""
        self.languages: Final = languages
        self.language: Final = next(tag for tag in languages if tag in TRANSLATED)
        self.translations: Final = _translations(self.language)
        self._locale = Locale.parse(self.language)

    def text(self, text: str) -> str:
        """Return the text of a plugin in the reader's languages."""
        return in_languages(text, self.languages)

    def sentence(self, message: str, **values: object) -> str:
        """Return a sentence of the catalogue with its values filled in; without a translation it is in English."""
        translated = str(self.translations.gettext(message))
        return translated % values if values else translated

    def number(self, value: Decimal, unit: Unit | None = None) -> str:
        """Return a number in the format of its unit. A count that is not whole is shown with its fraction."""
        if unit is None:
            digits = _FRACTION_OF_A_COUNT
        elif unit.format is UnitFormat.BYTES:
            return self._bytes(value, unit.digits)
        else:
            digits = unit.digits
            if unit.format is UnitFormat.COUNT and value != value.to_integral_value():
                digits = digits or _FRACTION_OF_A_COUNT
        return self._decimal(value, digits)

    def exact(self, value: Decimal) -> str:
        """Return a number with all of its digits."""
        exponent = value.as_tuple().exponent
        return self._decimal(value, max(0, -exponent) if isinstance(exponent, int) else 0)

    def amount(self, value: Decimal, unit: Unit | None) -> str:
        """Return a number with its unit, if any, in the plural form of the number, as ``1,000 profiles``."""
        number = self.number(value, unit)
        # The symbol of a size is a part of its number.
        return number if unit is None or unit.format is UnitFormat.BYTES else f"{number} {self.unit(value, unit)}"

    def unit(self, value: Decimal, unit: Unit) -> str:
        """Return the form of a unit for a number."""
        tag = unit.language_in(self.languages)
        return unit.form(_locale(tag).plural_form(value), tag)

    def is_plural(self, value: Decimal) -> bool:
        """Return whether the sentences of the catalogue have their plural for a number."""
        return self._locale.plural_form(value) != "one"

    def percent(self, used: Decimal, limit: Decimal) -> str:
        """Return the used part of a limit, rounded away from the limit: only the limit itself reads as 100 %."""
        if not limit:
            return "∞" if used else "–"
        with _exact():
            rounded = (used / limit).quantize(_TENTH_OF_A_PERCENT, ROUND_CEILING if used > limit else ROUND_FLOOR)
            return self.part(rounded)

    def part(self, ratio: Decimal) -> str:
        """Return a ratio in per cent."""
        with _exact():
            return format_percent(ratio, locale=self._locale, decimal_quantization=False)

    def parts(self, ratios: Sequence[Decimal]) -> str:
        """Return several ratios in per cent, joined as in a sentence."""
        return format_list([self.part(ratio) for ratio in ratios], locale=self._locale)

    def day(self, value: date) -> str:
        """Return a day, as ``1er novembre 2026``."""
        text = format_date(value, format="long", locale=self._locale)
        # CLDR writes the first day of a month as a number like any other; French sentences do not.
        return f"1er{text[1:]}" if self.language == "fr" and value.day == 1 else text

    def clock(self, value: datetime, time_zone: str) -> str:
        """Return the time of day of an instant in a time zone, as ``14:30``."""
        local = value.astimezone(ZoneInfo(time_zone))
        return format_time(local.timetz(), format="short", tzinfo=local.tzinfo, locale=self._locale)

    def day_of(self, value: datetime, time_zone: str) -> str:
        """Return the day of an instant in a time zone."""
        return self.day(value.astimezone(ZoneInfo(time_zone)).date())

    def _decimal(self, value: Decimal, digits: int) -> str:
        with _exact():
            return format_decimal(value, format=f"#,##0.{'#' * digits}", locale=self._locale)

    def _bytes(self, value: Decimal, digits: int) -> str:
        with _exact():
            size, power, shown = value, 0, 0
            while abs(round(size, shown)) >= 1000 and power < len(_BYTES) - 1:  # as shown: 999,960 bytes are 1 MB
                size, power, shown = size / 1000, power + 1, digits
            name = f"digital-{_BYTES[power]}"
            pattern = f"#,##0.{'#' * shown}"
            return format_unit(size, name, length="short", format=pattern, locale=self._locale)


@lru_cache(256)
def words_in(languages: Languages) -> Words:
    """Return the words of languages."""
    return Words(languages)


def _exact() -> AbstractContextManager[Context]:
    return localcontext(prec=MOST_DIGITS)


@lru_cache(256)
def _locale(tag: str) -> Locale:
    """Return the locale of a tag, that of English if CLDR does not know it."""
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


@cache
def _translations(language: str) -> NullTranslations:
    """Return the catalogue of a language, compiled at run time, so that only the texts are kept in the repository."""
    file = _CATALOGUES / language / "LC_MESSAGES" / "allowance.po"
    if not file.exists():
        return NullTranslations()
    compiled: Any = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled, domain="allowance")
