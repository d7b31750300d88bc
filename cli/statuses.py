"""Statuses on a terminal: each by a sign, a word and a colour, so that none of them has to be seen alone."""

import sys
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from core.consumption.readings.status import UsageStatus

WORDS: Final[Mapping[UsageStatus, str]] = {
    UsageStatus.OK: "OK",
    UsageStatus.AT_RISK: "At risk",
    UsageStatus.EXCEEDED: "Exceeded",
    UsageStatus.UNKNOWN: "Unknown",
}
STYLES: Final[Mapping[UsageStatus, str]] = {
    UsageStatus.OK: "green",
    UsageStatus.AT_RISK: "yellow",
    UsageStatus.EXCEEDED: "red",
    UsageStatus.UNKNOWN: "bright_black",
}
_SIGNS: Final = {UsageStatus.OK: "✓", UsageStatus.AT_RISK: "!", UsageStatus.EXCEEDED: "✗", UsageStatus.UNKNOWN: "?"}
_ASCII_SIGNS: Final = _SIGNS | {UsageStatus.OK: "+", UsageStatus.EXCEEDED: "x"}
_TENTH: Final = Decimal("0.1")


def is_unicode() -> bool:
    """Return True if standard output can show more than ASCII."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def sign_of(status: UsageStatus) -> str:
    """Return the sign of a status, in the characters that standard output can show."""
    return (_SIGNS if is_unicode() else _ASCII_SIGNS)[status]


def percent(part: Decimal) -> str:
    """Return a part of a limit in per cent. It is rounded away from the limit: only the full limit shows as 100 %."""
    rounded = (part * 100).quantize(_TENTH, ROUND_CEILING if part > 1 else ROUND_FLOOR)
    return f"{rounded:,f}".removesuffix(".0") + " %"
