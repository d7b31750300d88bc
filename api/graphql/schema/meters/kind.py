"""The kinds of meters in the schema: the way in which a meter measures."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import allowance

from api.graphql.schema.common.enums import describe_enum


class MeterKind(StrEnum):
    """The way in which a meter measures."""

    COUNTER = "COUNTER"
    LEVEL = "LEVEL"
    CREDITS = "CREDITS"
    RATIO = "RATIO"
    TERM = "TERM"
    ADMISSION = "ADMISSION"
    OTHER = "OTHER"


describe_enum(
    MeterKind,
    "The way in which a meter measures.",
    COUNTER="The sum of quantities since the start of the billing period.",
    LEVEL="The newest value that was reported.",
    CREDITS="The credits that were granted and are in force, less those that were spent.",
    RATIO="One quantity divided by another.",
    TERM="A value of the contract, shown as it is. There is no usage.",
    ADMISSION="The distinct installations that were admitted in the quota window.",
    OTHER="A measurement of the plugin's own.",
)

_KINDS: Final[Mapping[type[allowance.Meter], MeterKind]] = {
    allowance.Counter: MeterKind.COUNTER,
    allowance.Level: MeterKind.LEVEL,
    allowance.Credits: MeterKind.CREDITS,
    allowance.Ratio: MeterKind.RATIO,
    allowance.Term: MeterKind.TERM,
    allowance.Admission: MeterKind.ADMISSION,
}


def kind_of(meter: allowance.Meter) -> MeterKind:
    """Return the kind of a meter. A subclass of a kind is of that kind, also if it measures in a way of its own."""
    return next((kind for base, kind in _KINDS.items() if isinstance(meter, base)), MeterKind.OTHER)
