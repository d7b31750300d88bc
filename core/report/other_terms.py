"""The check of terms under which a report is asked for. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from allowance import Meter

from core.errors import BadInput
from core.nearest import did_you_mean
from core.text import shown

_LARGEST: Final = 2**53


def check_terms(terms: Iterable[tuple[str, Decimal]], meters: Iterable[Meter]) -> Mapping[str, Decimal]:
    """Return the values of terms by name.

    Raises:
        BadInput: No meter takes its limit from a term, a term is named twice, or a value is not from 0 to 2^53.
    """
    known = {term for meter in meters for term in meter.limit_terms}
    checked: dict[str, Decimal] = {}
    for name, value in terms:
        if name not in known:
            raise BadInput(f"No meter knows the term {shown(name)}.{did_you_mean(name, known)}")
        if name in checked:
            raise BadInput(f"The term {name} is given twice. Give it once.")
        if not (value.is_finite() and 0 <= value <= _LARGEST):
            raise BadInput(f"The term {name} must be a number from 0 to 2^53.")
        checked[name] = value
    return checked
