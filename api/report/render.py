"""The pages of a report, rendered from the answers of the GraphQL API in the language of their reader."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from allowance import Credits, Enforcement, Meter
from jinja2 import Environment

from api.report.chart import HEIGHT, WIDTH, draw
from api.report.problem_words import problem_in_words
from api.report.query import ReportParameters
from core.colours import COLOURS, LINK
from core.consumption.readings.status import UsageStatus
from core.errors import Unauthenticated
from core.languages.basis import factor_in_words
from core.languages.negotiation import Languages
from core.languages.templates import template_environment
from core.languages.words import MOST_DIGITS, words_in
from core.report.outcome_words import outcome_in_words


def render_report(
    license: Mapping[str, Any], parameters: ReportParameters, meters: Mapping[str, Meter], languages: Languages
) -> str:
    """Return the page of a report.

    Args:
        license: The license, as the query of :mod:`api.report.query` answers it.
        parameters: The parameters of the page.
        meters: The installed meters by key, for their units.
        languages: The languages of the reader.
    """
    report = license["report"]
    alternatives = [
        {"terms": terms, "rows": _changed(report["meters"], license[f"with{number}"]["meters"], dict(terms))}
        for number, terms in enumerate(parameters.alternatives)
    ]
    keys = Counter(row["meter"]["key"] for row in report["meters"])
    return _render(
        "report.html",
        languages,
        license=license,
        report=report,
        alternatives=alternatives,
        meters=meters,
        several={key for key, number in keys.items() if number > 1},
    )


def render_sign_in(languages: Languages, *, refused: bool) -> str:
    """Return the page that asks for a token; `refused` if the last one opens nothing."""
    problem = problem_in_words(Unauthenticated.code, words_in(languages)) if refused else None
    return _render("sign_in.html", languages, problem=problem)


def render_problem(languages: Languages, code: str, message: str, trace: str) -> str:
    """Return the page that states why there is no report, with the trace by which operators find the request."""
    problem = problem_in_words(code, words_in(languages))
    return _render("problem.html", languages, problem=problem, message=message, trace=trace)


def _changed(
    as_it_is: list[Mapping[str, Any]], other: list[Mapping[str, Any]], terms: Mapping[str, float]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Return the rows of an alternative whose limit follows from its terms, each beside the row as it is."""
    known = {(row["meter"]["key"], row["contractVersion"]): row for row in as_it_is}
    return [
        (row, known.get((row["meter"]["key"], row["contractVersion"])))
        for row in other
        if not terms.keys().isdisjoint(row["meter"]["limitTerms"])
    ]


def _render(name: str, languages: Languages, **values: object) -> str:
    with localcontext(prec=MOST_DIGITS):
        return _environment(languages).get_template(name).render(language=words_in(languages).language, **values)


@lru_cache(32)
def _environment(languages: Languages) -> Environment:
    words = words_in(languages)
    environment = template_environment("api.report", words)

    def number(value: float | None, meter: Meter) -> str:
        return "–" if value is None else words.number(Decimal(repr(value)), meter.unit_forms)

    def amount(value: float, meter: Meter) -> str:
        return words.amount(Decimal(repr(value)), meter.unit_forms)

    def term(value: float, key: str, meters: Mapping[str, Meter]) -> str:
        meter = next(meter for meter in meters.values() if key in meter.limit_terms)
        return factor_in_words(key, Decimal(repr(value)).normalize() if value else Decimal(0), meter, words)

    def day(text: str) -> str:
        return words.day(date.fromisoformat(text))

    def day_of(text: str, time_zone: str) -> str:
        return words.day_of(datetime.fromisoformat(text), time_zone)

    def outcome(days: list[Mapping[str, Any]]) -> str:
        return outcome_in_words({UsageStatus(one["status"]): one["days"] for one in days}, words)

    environment.filters |= {"number": number, "amount": amount, "term": term, "outcome": outcome}
    environment.filters |= {"day": day, "day_of": day_of, "draw": draw}
    environment.tests["credits"] = lambda meter: isinstance(meter, Credits)
    environment.tests["without_usage"] = lambda meter: meter.enforcement is Enforcement.NONE
    environment.globals |= {"colours": COLOURS, "link": LINK, "width": WIDTH, "height": HEIGHT}
    return environment
