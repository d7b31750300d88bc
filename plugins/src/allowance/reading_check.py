"""The checks of readings, which the engine and the testing kit share."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from allowance.errors import InvalidReading, type_of
from allowance.license import Period
from allowance.meter import Enforcement, Meter
from allowance.reading import MAX_AHEAD, MAX_SHARES, Limit, Number, Reading, Share
from allowance.text import UNSTORABLE

LARGEST: Final = 10**50
"""The largest number in a reading. It is above the product of several terms that mean "no limit"."""

_DIGITS: Final = 100
"""The largest number of digits behind the point, or in a denominator."""

_LONGEST: Final = 500
"""The largest number of characters of a text."""


def check_reading(meter: Meter, reading: object) -> Reading:
    """Return what `meter` returned, if it is a valid reading.

    Args:
        meter: The meter that returned it.
        reading: The return value of its `measure`.

    Raises:
        InvalidReading: If it is not a Reading, if a number is inexact, negative, infinite or above 10^50, if a text
            is too long or cannot be stored, if a share is of a dimension that the meter does not declare, or if a
            limit that is not hard refused something.
    """
    where = f"Meter {meter.key}"
    if not isinstance(reading, Reading):
        raise InvalidReading(f"{where}: `measure` must return a Reading, not {type_of(reading)}")
    if reading.used is not None:
        _check_number(f"{where}: `used`", reading.used)
    if reading.remaining is not None:
        _check_number(f"{where}: `remaining`", reading.remaining)
    if reading.overage is not None:
        _check_number(f"{where}: `overage`", reading.overage)
    if reading.refused is not None:
        if meter.enforcement is not Enforcement.HARD:
            raise InvalidReading(f"{where}: only a meter with the enforcement HARD can state what was `refused`")
        _check_number(f"{where}: `refused`", reading.refused)
    if reading.limit is not None:
        _check_limit(f"{where}: `limit`", reading.limit)
    if reading.period is not None:
        _check_period(f"{where}: `period`", reading.period)
    _check_shares(meter, reading.shares)
    if not isinstance(reading.grants, Mapping):
        raise InvalidReading(f"{where}: `grants` must map the id of each grant to what is left of it")
    for key, left in reading.grants.items():
        _check_text(f"{where}: the id of a grant", key)
        _check_number(f"{where}: what is left of the grant {key!r}", left)
    _check_ahead(f"{where}: `ahead`", reading.ahead)
    return reading


def _check_ahead(what: str, ahead: object) -> None:
    if not isinstance(ahead, tuple) or len(ahead) > MAX_AHEAD:
        raise InvalidReading(f"{what} must return numbers for {MAX_AHEAD} days at most")
    for amount in ahead:
        _check_size(f"{what} of a day", amount)


def _check_number(what: str, value: object) -> None:
    if _check_size(what, value) < 0:
        raise InvalidReading(f"{what} must not be negative")


def _check_size(what: str, value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction):
        raise InvalidReading(f"{what} must be an int, a Decimal or a Fraction, not {type_of(value)}")
    if isinstance(value, Decimal) and not value.is_finite():
        raise InvalidReading(f"{what} must be a finite number, not {value}")
    if not -LARGEST <= value <= LARGEST:
        raise InvalidReading(f"{what} must not be above 10^50")
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        too_fine = isinstance(exponent, int) and exponent < -_DIGITS
    else:
        too_fine = value.denominator >= 10**_DIGITS
    if too_fine:
        raise InvalidReading(f"{what} must have {_DIGITS} digits at most behind the point or in its denominator")
    return value


def _check_limit(what: str, limit: object) -> None:
    if not isinstance(limit, Limit):
        raise InvalidReading(f"{what} must be a Limit, as self.limit_of(contract), not {type_of(limit)}")
    _check_number(f"{what}.value", limit.value)
    _check_text(f"{what}.basis", limit.basis)
    if not isinstance(limit.exhaustible, bool):
        raise InvalidReading(f"{what}.exhaustible must be True or False, not {type_of(limit.exhaustible)}")


def _check_period(what: str, period: object) -> None:
    if not isinstance(period, Period):
        raise InvalidReading(f"{what} must be a Period, as contract.period, not {type_of(period)}")
    if type(period.first) is not date or type(period.end) is not date or period.first >= period.end:
        raise InvalidReading(f"{what} must go from one date to a later one")
    _check_text(f"{what}.time_zone", period.time_zone)
    try:
        ZoneInfo(period.time_zone)
    except (LookupError, OSError, ValueError):
        raise InvalidReading(f"{what}.time_zone {period.time_zone!r} is not an IANA time zone") from None


def _check_shares(meter: Meter, shares: object) -> None:
    where = f"Meter {meter.key}: `shares`"
    if not isinstance(shares, tuple):
        raise InvalidReading(f"{where} must be a tuple, not {type_of(shares)}")
    if len(shares) > MAX_SHARES:
        raise InvalidReading(f"{where} must be {MAX_SHARES} at most, not {len(shares)}; add up the smallest ones")
    declared = [dimension.key for dimension in meter.by]
    seen = set()
    for share in shares:
        if not isinstance(share, Share):
            raise InvalidReading(f"{where} must hold only Share, not {type_of(share)}")
        if share.dimension not in declared:
            known = ", ".join(declared) or "none"
            raise InvalidReading(
                f"{where}: the dimension {share.dimension!r} is not in the meter's `by`, which names {known}"
            )
        _check_text(f"{where}: a key of {share.dimension}", share.key, empty=True)
        what = f"{where}: {share.dimension} {share.key!r}"
        _check_text(f"{what}: label", share.label)
        _check_number(f"{what}: used", share.used)
        if share.limit is not None:
            _check_number(f"{what}: limit", share.limit)
        if share.remaining is not None:
            _check_number(f"{what}: remaining", share.remaining)
        if (share.dimension, share.key) in seen:
            raise InvalidReading(f"{what} is there twice")
        seen.add((share.dimension, share.key))


def _check_text(what: str, text: object, *, empty: bool = False) -> None:
    if not isinstance(text, str):
        raise InvalidReading(f"{what} must be a text, not {type_of(text)}")
    if len(text) > _LONGEST or not (text or empty):
        raise InvalidReading(f"{what} must have {0 if empty else 1} to {_LONGEST} characters, not {len(text)}")
    if UNSTORABLE.search(text):
        raise InvalidReading(f"{what} must not hold NUL or half of a surrogate pair, which no database keeps")
