"""The calculation of a limit, in a reader's languages.

Readings and alerts hold the calculation in English, as the SDK writes it: "1,000,000 profiles × 12 interactions per
profile". A calculation of that form is written anew; a text of a plugin's own is shown as it is.
"""

import re
from decimal import Decimal
from typing import Final

from allowance import Credits, Meter, UnitFormat
from allowance.text import ENGLISH, Text, unit_of

from core.languages.words import Words

_FACTOR: Final = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?) (.+)")
_GRANTED: Final = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?) credits granted and not expired")


def basis_in_words(basis: str, meter: Meter | None, words: Words) -> str:
    """Return the calculation of a limit in the languages of a reader.

    Args:
        basis: The calculation as it is stored.
        meter: The meter of the limit; None if it is not installed any more.
        words: The words of the reader.
    """
    if meter is None or (words.languages[0] == ENGLISH and not meter.limit_words and not _is_size(meter)):
        return basis
    if isinstance(meter, Credits):
        granted = _GRANTED.fullmatch(basis)
        return (
            basis
            if granted is None
            else words.sentence("%(amount)s credits granted and not expired", amount=words.exact(_number(granted[1])))
        )
    factors = [_FACTOR.fullmatch(factor) for factor in basis.split(" × ")]
    terms = meter.limit_terms
    named = [None if factor is None else factor[2] for factor in factors]
    if named != [term.replace("_", " ") for term in terms]:
        return basis
    return " × ".join(
        factor_in_words(term, _number(factor[1]), meter, words)
        for term, factor in zip(terms, factors, strict=True)
        if factor
    )


def factor_in_words(term: str, number: Decimal, meter: Meter, words: Words) -> str:
    """Return a term of a meter's limit with its value, such as "12 interactions per profile"."""
    if term in meter.limit_words:
        return f"{words.exact(number)} {words.unit(number, unit_of(meter.limit_words[term]))}"
    unit, tag = meter.unit_forms, words.languages[0]
    if _is_size(meter):
        return words.amount(number, unit)
    if len(meter.limit_terms) == 1 and isinstance(unit.other, Text) and tag != ENGLISH and tag in unit.other.languages:
        return f"{words.exact(number)} {words.unit(number, unit)}"
    plural = term.replace("_", " ")
    if len(meter.limit_terms) == 1 and tag == ENGLISH and unit.form("other", ENGLISH) == plural:
        return f"{words.exact(number)} {words.unit(number, unit)}"
    return f"{words.exact(number)} {plural}"


def _is_size(meter: Meter) -> bool:
    """Return whether a limit is a number of bytes, which is shown with the symbol of its size."""
    return len(meter.limit_terms) == 1 and meter.unit_forms.format is UnitFormat.BYTES


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))
