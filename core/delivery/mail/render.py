"""E-mails rendered from templates, in the language of their reader."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from allowance import Unit
from jinja2 import Environment

from core.colours import COLOURS, LINK, worst_colour
from core.languages.negotiation import ENGLISH_ALONE, Languages
from core.languages.templates import template_environment
from core.languages.words import MOST_DIGITS, Words, words_in
from core.licenses.alerting_ratios import FULL
from core.licenses.contact import Contact


@dataclass(frozen=True, slots=True)
class CrossedLine:
    """A meter whose thresholds were crossed: `ratios` of `limit`, lowest first, in the period [first, end).

    `unit` is None if the meter is not installed any more.
    `status` is the status of the reading. `crossed_on` and `found_on` are the days on which usage crossed each ratio,
    and on which a refresh found that, in the order of the ratios.
    """

    title: str
    unit: Unit | None
    used: Decimal
    limit: Decimal
    basis: str
    ratios: tuple[Decimal, ...]
    first: date
    end: date
    status: str
    hard: bool
    crossed_on: tuple[date, ...]
    found_on: tuple[date, ...]

    @property
    def colour(self) -> str:
        """The colour of the status."""
        return COLOURS[self.status]

    @property
    def reached(self) -> Decimal:
        """The largest ratio that is known to be used."""
        return max(self.ratios[-1], FULL) if self.used >= self.limit else self.ratios[-1]

    @property
    def found_later(self) -> tuple[tuple[date, date, tuple[Decimal, ...]], ...]:
        """The days of crossing and of finding it, where these differ, with the ratios that were crossed on the day."""
        ratios: dict[tuple[date, date], list[Decimal]] = {}
        for ratio, crossed, found in zip(self.ratios, self.crossed_on, self.found_on, strict=True):
            if crossed != found:
                ratios.setdefault((crossed, found), []).append(ratio)
        return tuple((*days, tuple(of_days)) for days, of_days in sorted(ratios.items()))


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """A meter whose forecast for the end of the period [first, end) reached a ratio of its limit.

    `unit` is None if the meter is not installed any more. `exceeds_on`, `earliest` and `latest` are the days on which
    the limit is exceeded, as far as the forecast knows any; for a meter of credits those on which the last one is gone.
    `exceeds` is True if this is expected before the period ends.
    """

    title: str
    unit: Unit | None
    used: Decimal
    limit: Decimal
    basis: str
    expected: Decimal
    low: Decimal
    high: Decimal
    first: date
    end: date
    exceeds_on: date | None
    earliest: date | None
    latest: date | None
    of_credits: bool
    exceeds: bool


@dataclass(frozen=True, slots=True)
class ExpiringLine:
    """A grant that expires, with `left` of `amount` credits."""

    title: str
    unit: Unit
    left: Decimal
    amount: Decimal
    entity: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request for credits, with the `command` that grants them. `requested_by` is None if no person is known."""

    request_id: str
    title: str
    unit: Unit
    amount: Decimal
    entity: str | None
    note: str | None
    requested_with: str
    command: str
    requested_by: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """The text of an e-mail, in one language."""

    subject: str
    text: str
    html: str


def render_crossed(
    words: Words,
    license_name: str,
    license_key: str,
    lines: list[CrossedLine],
    consumption_url: str,
    unsubscribe_url: str,
    contact: Contact | None = None,
) -> Mail:
    """Return the e-mail about crossed thresholds, in the words of its reader."""
    return _render(
        "crossed",
        words,
        license_name=license_name,
        license_key=license_key,
        lines=lines,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
        contact=contact,
        colour=worst_colour({line.status for line in lines}),
        exceeded=any(line.status == "EXCEEDED" for line in lines),
        early=max(line.reached for line in lines) if all(line.status == "OK" for line in lines) else None,
    )


def render_forecast(
    words: Words,
    license_name: str,
    license_key: str,
    lines: list[ForecastLine],
    consumption_url: str,
    unsubscribe_url: str,
    contact: Contact | None = None,
) -> Mail:
    """Return the e-mail about forecasts that reached ratios of limits, in the words of its reader."""
    return _render(
        "forecast",
        words,
        license_name=license_name,
        license_key=license_key,
        lines=lines,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
        contact=contact,
        exceeding=any(line.exceeds for line in lines if not line.of_credits),
        spending=any(line.exceeds for line in lines if line.of_credits),
    )


def render_expiring(
    words: Words,
    license_name: str,
    license_key: str,
    time_zone: str,
    lines: list[ExpiringLine],
    consumption_url: str,
    unsubscribe_url: str,
    contact: Contact | None = None,
) -> Mail:
    """Return the e-mail about credits that expire soon, with times in the license's zone."""
    return _render(
        "expiring",
        words,
        license_name=license_name,
        license_key=license_key,
        time_zone=time_zone,
        lines=lines,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
        contact=contact,
    )


def render_requested(license_name: str, license_key: str, request: RequestLine, requests_url: str) -> Mail:
    """Return the e-mail about a request for credits, in English, with the page on which operators answer it."""
    return _render(
        "requested",
        words_in(ENGLISH_ALONE),
        license_name=license_name,
        license_key=license_key,
        request=request,
        requests_url=requests_url,
    )


def render_declined(
    words: Words,
    license_name: str,
    license_key: str,
    request: RequestLine,
    reason: str,
    consumption_url: str,
    unsubscribe_url: str,
    contact: Contact | None = None,
) -> Mail:
    """Return the e-mail about a request for credits that an operator declined, in the words of its reader."""
    return _render(
        "declined",
        words,
        license_name=license_name,
        license_key=license_key,
        request=request,
        reason=reason,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
        contact=contact,
    )


def _render(name: str, words: Words, **values: Any) -> Mail:
    environment = _environment(words.languages)
    with localcontext(prec=MOST_DIGITS):
        subject = " ".join(environment.get_template(f"{name}_subject.txt").render(values).split())
        return Mail(
            subject,
            environment.get_template(f"{name}.txt").render(values),
            environment.get_template(f"{name}.html").render(values, subject=subject, language=words.language),
        )


@lru_cache(32)
def _environment(languages: Languages) -> Environment:
    words = words_in(languages)
    environment = template_environment("core.delivery.mail", words)

    def day_before(value: date) -> str:
        return words.day(value - timedelta(days=1))

    def count(value: Decimal) -> int:
        """Return a whole number for which the catalogue has the form that the number needs: gettext takes no other."""
        return 2 if words.is_plural(value) else 1

    environment.filters |= {"day": words.day, "day_before": day_before, "day_of": words.day_of, "clock": words.clock}
    environment.filters |= {"number": words.number, "amount": words.amount, "count": count}
    environment.filters |= {"part": words.part, "parts": words.parts}
    environment.globals |= {"percent": words.percent, "colours": COLOURS, "link": LINK}
    return environment
