"""The outcome of a limit over the days of a report, as a sentence in a reader's languages."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from allowance import Text, Unit

from core.consumption.readings.status import UsageStatus
from core.languages.words import Words

_DAY: Final = Unit(one=Text("day", fr="jour"), other=Text("days", fr="jours"))


def outcome_in_words(days: Mapping[UsageStatus, int], words: Words) -> str:
    """Return on how many days the limit was exceeded or nearly so, from the number of days with each status."""
    exceeded, at_risk = days[UsageStatus.EXCEEDED], days[UsageStatus.AT_RISK]
    if exceeded and at_risk:
        return words.sentence(
            "exceeded on %(exceeded)s, at risk on %(at_risk)s",
            exceeded=_days(exceeded, words),
            at_risk=_days(at_risk, words),
        )
    if exceeded:
        return words.sentence("exceeded on %(exceeded)s", exceeded=_days(exceeded, words))
    if at_risk:
        return words.sentence("at risk on %(at_risk)s, never exceeded", at_risk=_days(at_risk, words))
    if not days[UsageStatus.OK]:
        return words.sentence("not measured")
    return words.sentence("always within the limit")


def _days(number: int, words: Words) -> str:
    return words.amount(Decimal(number), _DAY)
