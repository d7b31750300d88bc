"""The GraphQL operation behind the page of a report, and the parameters of its URL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from starlette.datastructures import QueryParams

from api.graphql.operations.request import Request
from core.errors import BadInput
from core.text import shown
from core.times import parse_day

MOST_ALTERNATIVES: Final = 3
_REPORT: Final = """
query Report($license: String!, $firstDay: Date, $lastDay: Date%(variables)s) {
  license(key: $license) {
    key name timeZone
    report: contractReport(firstDay: $firstDay, lastDay: $lastDay) { from to meters { ...row
      usedAtEnd peak peakOn refused suggestedLimit suggestedBecause curve { day demand limit status }
      forecast { expected low high exceedsAt }
    } }
    %(alternatives)s
  }
}
fragment row on MeterReport {
  meter { key title limitTerms } contractVersion committed overage days { status days }
}
"""


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """The parameters of the page: the license, the first and the last day, and the terms of each alternative."""

    license: str
    first: date | None
    last: date | None
    alternatives: tuple[tuple[tuple[str, float], ...], ...]


def parameters_of(license: str, query: QueryParams) -> ReportParameters:
    """Return the parameters of a URL: ``from`` and ``to`` as days, and ``with`` as ``profiles=250000,users=20``.

    Raises:
        BadInput: A parameter cannot be read, or there are too many alternatives.
    """
    alternatives = tuple(_terms(text) for text in query.getlist("with"))
    if len(alternatives) > MOST_ALTERNATIVES:
        raise BadInput(f"The page compares {MOST_ALTERNATIVES} alternatives at the most. Name `with` less often.")
    return ReportParameters(license, _day(query, "from"), _day(query, "to"), alternatives)


def report_request(parameters: ReportParameters) -> Request:
    """Return the request for a report with its alternatives."""
    names = [f"with{number}" for number in range(len(parameters.alternatives))]
    report = "contractReport(firstDay: $firstDay, lastDay: $lastDay, terms: $%s) { meters { ...row } }"
    fields = [f"{name}: {report % name}" for name in names]
    document = _REPORT % {
        "variables": "".join(f", ${name}: [TermInput!]" for name in names),
        "alternatives": " ".join(fields),
    }
    variables: dict[str, Any] = {
        "license": parameters.license,
        "firstDay": parameters.first and parameters.first.isoformat(),
        "lastDay": parameters.last and parameters.last.isoformat(),
    }
    for name, terms in zip(names, parameters.alternatives, strict=True):
        variables[name] = [{"key": key, "value": value} for key, value in terms]
    return Request(document, None, variables, None, is_own=True)


def _day(query: QueryParams, name: str) -> date | None:
    text = query.get(name)
    return parse_day(text, f"`{name}`") if text else None


def _terms(text: str) -> tuple[tuple[str, float], ...]:
    parts: Sequence[str] = text.split(",")
    try:
        return tuple((key.strip(), float(value)) for key, value in (part.split("=") for part in parts))
    except ValueError:
        raise BadInput(f"`with` {shown(text)} is not a list of terms. Write it as profiles=250000,users=20.") from None
