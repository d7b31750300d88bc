"""The reason for a suggested limit, in a reader's languages."""

from allowance import Meter

from core.languages.words import Words
from core.report.limit_suggestion import LimitSuggestion


def suggestion_in_words(suggestion: LimitSuggestion, meter: Meter, words: Words) -> str:
    """Return a sentence that states from which demand the suggestion follows, and how."""
    demand = words.amount(suggestion.demand, meter.unit_forms)
    headroom = words.part(suggestion.headroom)
    if suggestion.demand_on is None:
        return words.sentence(
            "Forecast for the end of the period: up to %(demand)s. With %(headroom)s on top, rounded up.",
            demand=demand,
            headroom=headroom,
        )
    return words.sentence(
        "Highest demand: %(demand)s on %(day)s. With %(headroom)s on top, rounded up.",
        demand=demand,
        day=words.day(suggestion.demand_on),
        headroom=headroom,
    )
