"""E-mails rendered from templates, in the language of their reader."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.core import Locale, negotiate_locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from core.colours import COLOURS, worst_colour
from core.licenses.alerting_ratios import FULL

HERE: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "fr")
_TENTH_OF_A_PERCENT: Final = Decimal("0.001")
MOST_DIGITS: Final = 1000
"""More digits than a reading has. Babel rounds in the decimal context of the thread, which refuses longer numbers."""


@dataclass(frozen=True, slots=True)
class CrossedLine:
    """A meter whose thresholds were crossed: `ratios` of `limit`, lowest first, in the period [first, end).

    `status` is the status of the reading. `crossed_on` and `found_on` are the days on which usage crossed each ratio,
    and on which a refresh found that, in the order of the ratios.
    """

    title: str
    unit: str
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
class ExpiringLine:
    """A grant that expires, with `left` of `amount` credits."""

    title: str
    left: Decimal
    amount: Decimal
    entity: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request for credits, with the `command` that grants them. `requested_by` is None if no person is known."""

    request_id: str
    title: str
    unit: str
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
    language: str | None,
    license_name: str,
    license_key: str,
    lines: list[CrossedLine],
    consumption_url: str,
    unsubscribe_url: str,
) -> Mail:
    """Return the e-mail about crossed thresholds, in English if there is no translation to the language."""
    return _render(
        "crossed",
        language,
        license_name=license_name,
        license_key=license_key,
        lines=lines,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
        colour=worst_colour({line.status for line in lines}),
        exceeded=any(line.status == "EXCEEDED" for line in lines),
        early=max(line.reached for line in lines) if all(line.status == "OK" for line in lines) else None,
    )


def render_expiring(
    language: str | None,
    license_name: str,
    license_key: str,
    time_zone: str,
    lines: list[ExpiringLine],
    consumption_url: str,
    unsubscribe_url: str,
) -> Mail:
    """Return the e-mail about credits that expire soon, with times in the license's zone."""
    return _render(
        "expiring",
        language,
        license_name=license_name,
        license_key=license_key,
        time_zone=time_zone,
        lines=lines,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
    )


def render_requested(license_name: str, license_key: str, request: RequestLine) -> Mail:
    """Return the e-mail about a request for credits, in English."""
    return _render("requested", "en", license_name=license_name, license_key=license_key, request=request)


def render_declined(
    language: str | None,
    license_name: str,
    license_key: str,
    request: RequestLine,
    reason: str,
    consumption_url: str,
    unsubscribe_url: str,
) -> Mail:
    """Return the e-mail about a request for credits that an operator declined, in English if not translated."""
    return _render(
        "declined",
        language,
        license_name=license_name,
        license_key=license_key,
        request=request,
        reason=reason,
        consumption_url=consumption_url,
        unsubscribe_url=unsubscribe_url,
    )


def _render(name: str, language: str | None, **values: Any) -> Mail:
    translated = negotiate_locale([language or "en"], LANGUAGES, sep="-") or "en"
    environment = _environment(translated)
    with localcontext() as exact:
        exact.prec = MOST_DIGITS
        subject = " ".join(environment.get_template(f"{name}_subject.txt").render(values).split())
        return Mail(
            subject,
            environment.get_template(f"{name}.txt").render(values),
            environment.get_template(f"{name}.html").render(values, subject=subject, language=translated),
        )


@cache
def _environment(language: str) -> Environment:
    locale = Locale.parse(language)
    environment = Environment(
        loader=PackageLoader("core.delivery.mail"),
        autoescape=select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.install_gettext_translations(_translations(language), newstyle=True)  # type: ignore[attr-defined]

    def number(value: Decimal) -> str:
        return format_decimal(value, locale=locale)

    def percent(used: Decimal, limit: Decimal) -> str:
        if not limit:
            return "∞" if used else "–"
        # Rounded away from the limit, so that neither more nor less than the limit reads as 100 %.
        rounded = (used / limit).quantize(_TENTH_OF_A_PERCENT, ROUND_CEILING if used > limit else ROUND_FLOOR)
        return format_percent(rounded, locale=locale, decimal_quantization=False)

    def day(value: date | datetime) -> str:
        return format_date(value, format="long", locale=locale)

    def instant(value: datetime, time_zone: str) -> str:
        local = value.astimezone(ZoneInfo(time_zone))
        return f"{day(local)}, {format_time(local.timetz(), format='short', tzinfo=local.tzinfo, locale=locale)}"

    def part(ratio: Decimal) -> str:
        return format_percent(ratio, locale=locale, decimal_quantization=False)

    def parts(ratios: tuple[Decimal, ...]) -> str:
        return ", ".join(map(part, ratios))

    def day_before(value: date) -> str:
        return day(value - timedelta(days=1))

    environment.filters |= {"number": number, "day": day, "day_before": day_before, "instant": instant}
    environment.filters |= {"part": part, "parts": parts}
    environment.globals |= {"percent": percent, "colours": COLOURS}
    return environment


def _translations(language: str) -> NullTranslations:
    """Return the catalogue of a language, compiled at run time, so that only the texts are kept in the repository."""
    file = HERE / "locale" / language / "LC_MESSAGES" / "mail.po"
    if not file.exists():
        return NullTranslations()
    compiled: Any = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled, domain="mail")
