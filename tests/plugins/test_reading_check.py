from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from allowance import Dimension, Level, Limit, Period, Reading, Share
from allowance.errors import InvalidReading
from allowance.reading import MAX_SHARES
from allowance.reading_check import LARGEST, check_reading

METER = Level(
    key="forms",
    section="web",
    title="Forms",
    description="D",
    unit="forms",
    by=(Dimension("type"), Dimension("entity")),
)
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))
GOOD = Reading(
    used=Fraction(1, 3),
    limit=Limit(Decimal(10), "10 forms"),
    period=YEAR,
    shares=(Share("type", "", "Not specified", 1, 2), Share("entity", "", "Not specified", Decimal("0.5"))),
    grants={"1": 7},
)


@pytest.mark.parametrize("reading", [GOOD, Reading(None), Reading(0), Reading(LARGEST), Reading(Decimal("1E-100"))])
def test_a_valid_reading_is_returned_unchanged(reading: Reading) -> None:
    assert check_reading(METER, reading) is reading


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0.5, "must be an int, a Decimal or a Fraction, not a float"),
        (float("nan"), "must be an int, a Decimal or a Fraction, not a float"),
        (True, "must be an int, a Decimal or a Fraction, not a bool"),
        ("7", "must be an int, a Decimal or a Fraction, not a str"),
        (1j, "must be an int, a Decimal or a Fraction, not a complex"),
        (Decimal("NaN"), "must be a finite number, not NaN"),
        (Decimal("sNaN"), "must be a finite number, not sNaN"),
        (Decimal("Infinity"), "must be a finite number, not Infinity"),
        (-1, "must not be negative"),
        (Decimal("-0.01"), "must not be negative"),
        (Fraction(-1, 3), "must not be negative"),
        (LARGEST + 1, "must not be above 10\\^50"),
        (Decimal("1E+999999"), "must not be above 10\\^50"),
        (Decimal("1E-999999"), "must have 100 digits at most"),
        (Fraction(1, 10**100), "must have 100 digits at most"),
    ],
)
@pytest.mark.parametrize("place", ["used", "limit", "share", "share's limit", "grant"])
def test_an_invalid_number_is_refused_in_every_field(place: str, number: Any, said: str) -> None:
    reading, named = {
        "used": (replace(GOOD, used=number), "Meter forms: `used`"),
        "limit": (replace(GOOD, limit=Limit(number, "x")), "Meter forms: `limit`.value"),
        "share": (replace(GOOD, shares=(Share("type", "x", "X", number),)), "Meter forms: `shares`: type 'x': used"),
        "share's limit": (replace(GOOD, shares=(Share("type", "x", "X", 1, number),)), "type 'x': limit"),
        "grant": (replace(GOOD, grants={"g7": number}), "what is left of the grant 'g7'"),
    }[place]
    with pytest.raises(InvalidReading, match=f"{named} {said}"):
        check_reading(METER, reading)


@pytest.mark.parametrize("reading", [None, 7, {"used": 7}, Reading], ids=["None", "number", "dict", "class"])
def test_another_type_than_reading_is_refused(reading: object) -> None:
    with pytest.raises(InvalidReading, match="Meter forms: `measure` must return a Reading, not"):
        check_reading(METER, reading)


def lied(**changed: Any) -> Reading:
    """A reading whose fields are set past its own constructor."""
    reading = replace(GOOD)
    for name, value in changed.items():
        object.__setattr__(reading, name, value)
    return reading


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (lied(limit=10), "`limit` must be a Limit, as self.limit_of\\(contract\\), not an int"),
        (lied(limit=Limit(1, "")), "`limit`.basis must have 1 to 500 characters, not 0"),
        (lied(limit=Limit(1, "x" * 501)), "`limit`.basis must have 1 to 500 characters, not 501"),
        (lied(limit=Limit(1, None)), "`limit`.basis must be a text, not None"),  # type: ignore[arg-type]
        (lied(limit=Limit(1, "x", 1)), "`limit`.exhaustible must be True or False, not an int"),  # type: ignore[arg-type]
        (lied(period=("2026-01-01", "2027-01-01")), "`period` must be a Period, as contract.period, not a tuple"),
        (lied(period=Period(date(2026, 1, 1), date(2026, 1, 1))), "`period` must go from one date to a later one"),
        (lied(period=Period(datetime(2026, 1, 1, tzinfo=UTC), date(2027, 1, 1))), "`period` must go from one date"),
        (lied(period=replace(YEAR, time_zone="Europe/Nowhere")), "'Europe/Nowhere' is not an IANA time zone"),
        (lied(period=replace(YEAR, time_zone="../../etc/passwd")), "is not an IANA time zone"),
        (lied(shares=[]), "`shares` must be a tuple, not a list"),
        (lied(shares=(("type", "x", "X", 1),)), "`shares` must hold only Share, not a tuple"),
        (
            lied(shares=(Share("color", "red", "Red", 1),)),
            "'color' is not in the meter's `by`, .* type, entity",
        ),
        (lied(shares=(Share("type", 7, "X", 1),)), "a key of type must be a text, not an int"),  # type: ignore[arg-type]
        (lied(shares=(Share("type", "x", "", 1),)), "type 'x': label must have 1 to 500 characters"),
        (lied(shares=(Share("type", "x\0", "X", 1),)), "must not hold NUL or half of a surrogate pair"),
        (lied(shares=(Share("type", "x", "\ud83d", 1),)), "must not hold NUL or half of a surrogate pair"),
        (lied(shares=(Share("type", "x", "X", 1), Share("type", "x", "Y", 1))), "type 'x' is there twice"),
        (lied(grants=[("g", 1)]), "`grants` must map the id of each grant"),
        (lied(grants={1: 1}), "the id of a grant must be a text, not an int"),
    ],
)
def test_a_reading_with_wrong_types_is_refused_with_the_field_named(reading: Reading, said: str) -> None:
    with pytest.raises(InvalidReading, match=f"Meter forms: .*{said}"):
        check_reading(METER, reading)


def test_a_reading_has_at_most_max_shares() -> None:
    most = tuple(Share("type", str(number), "X", 1) for number in range(MAX_SHARES))
    check_reading(METER, replace(GOOD, shares=most))
    with pytest.raises(InvalidReading, match="`shares` must be 1000 at most, not 1001"):
        check_reading(METER, replace(GOOD, shares=(*most, Share("type", "more", "X", 1))))
