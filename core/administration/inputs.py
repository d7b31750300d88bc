"""The rules for licenses, contracts, grants and requests for credits, checked whole before anything is written.

pydantic was tried for these rules and is not used: they became longer (265 lines of code instead of 203), since a
validator reports a single problem, and rules across fields and entries had to build pydantic's errors themselves.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from allowance import Admission, Enforcement, Meter

from core.addresses.mail_address import BadAddress, address_of
from core.errors import InputProblem, InvalidInput
from core.licenses.billing import CALENDAR_YEAR, CONTRACT_DATE, InvalidDuration, parse_billing_period
from core.licenses.quota_terms import Identifiers, OnOutage, QuotaTerms
from core.licenses.tables import EXPIRY_NOTICE_DAYS, LICENSE_KEY, LONGEST_NAME
from core.nearest import did_you_mean
from core.text import problem_with, shown
from core.usage.amount import LARGEST

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_TERM: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,5}")
_time_zones: Final = cache(available_timezones)  # it reads a thousand files
_BILLIONTH: Final = Decimal("1e-9")
_MOST_DAYS: Final = 3660
_MOST_PROBLEMS: Final = 100
MOST_RATIOS: Final = 20
"""Further ratios that a contract may name for one meter."""
HIGHEST_RATIO: Final = 10
"""Ten times the limit is where naming ratios ends."""
MOST_NOTICES: Final = 10
_MOST_NOTICE_DAYS: Final = 366
_EARLIEST, _LATEST = date(1970, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class AdminInput:
    """A user of the license with the admin role."""

    email: str
    name: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class LicenseInput:
    """A license to put; `admins` None leaves those it has."""

    key: str
    name: str
    time_zone: str = "UTC"
    admins: tuple[AdminInput, ...] | None = None


@dataclass(frozen=True, slots=True)
class ContractInput:
    """A contract version to put: these terms hold from `effective_from` on."""

    license: str
    effective_from: date
    starts_on: date
    terms: tuple[tuple[str, Decimal], ...]
    billing_period: str = "P1Y"
    anchor: str = CONTRACT_DATE
    at_risk: tuple[tuple[str, Decimal], ...] = ()
    alert_at: tuple[tuple[str, tuple[Decimal, ...]], ...] = ()
    warnings: bool = False
    quotas: tuple[tuple[str, QuotaTerms], ...] = ()
    expiry_notice_days: tuple[int, ...] = EXPIRY_NOTICE_DAYS


@dataclass(frozen=True, slots=True)
class GrantInput:
    """Credits to grant. `meter` may be left out where one meter of credits is installed.

    `request` is the id of the request that it answers.
    """

    id: str
    license: str
    amount: Decimal
    entity: str | None = None
    granted_at: datetime | None = None
    expires_at: datetime | None = None
    note: str | None = None
    meter: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class CreditRequestInput:
    """Credits to ask for. `meter` may be left out where one meter of credits is installed."""

    license: str
    amount: Decimal
    entity: str | None = None
    note: str | None = None
    meter: str | None = None


@dataclass(slots=True)
class _Problems:
    found: list[InputProblem] = field(default_factory=list)

    def add(self, message: str, *path: object, code: str = "BAD_INPUT") -> None:
        """Note a problem. Raises :class:`InvalidInput` at the hundredth: nobody reads more, and each takes work."""
        self.found.append(InputProblem(code, message, tuple(str(part) for part in path)))
        if len(self.found) == _MOST_PROBLEMS:
            raise InvalidInput(self.found)

    def text(self, value: object, longest: int, *path: object) -> None:
        problem = problem_with(value, longest)
        if problem:
            self.add(f"{path[-1]} {problem}.", *path)

    def number(self, called: str, value: Decimal, must: str, most: int, *path: object, zero: bool = False) -> None:
        """A number that goes no further than usage is counted; a limit of very many digits could not be read."""
        if not value.is_finite() or not 0 <= value <= most or (value == 0 and not zero):
            self.add(f"{called} must {must}, not {value}.", *path)
        elif value != value.quantize(_BILLIONTH):
            self.add(f"{called} must have 9 digits at most behind the point, not {value}.", *path)

    def twice(self, called: str, keys: Iterable[str], among: str, field: str) -> None:
        """Each key but the first of its like is a problem."""
        seen: set[str] = set()
        for index, key in enumerate(keys):
            if key in seen:
                self.add(f"{called} {shown(key)} is there twice.", among, index, field)
            seen.add(key)

    def raise_if_any(self) -> None:
        if self.found:
            raise InvalidInput(self.found)


def check_license(given: LicenseInput) -> None:
    """Raise :class:`InvalidInput` naming everything wrong with a license."""
    problems = _Problems()
    if not LICENSE_KEY.fullmatch(given.key):
        problems.add(
            f"key {shown(given.key)} must begin with a letter or digit and hold only letters, digits, '.', '_' "
            "and '-', 100 at most.",
            "key",
        )
    problems.text(given.name, LONGEST_NAME, "name")
    if given.time_zone not in _time_zones() or not _loads(given.time_zone):
        near = did_you_mean(given.time_zone, _time_zones())
        problems.add(f"timeZone {shown(given.time_zone)} is not an IANA time zone.{near}", "timeZone")
    seen = set()
    for index, admin in enumerate(given.admins or ()):
        if problem_with(admin.email, 254) or not _EMAIL.fullmatch(admin.email) or not _is_writable(admin.email):
            problems.add(f"email {shown(admin.email)} is not an e-mail address.", "admins", index, "email")
        elif admin.email in seen:
            problems.add(f"email {shown(admin.email)} is there twice.", "admins", index, "email")
        seen.add(admin.email)
        if admin.name is not None:
            problems.text(admin.name, 200, "admins", index, "name")
        if admin.language is not None and not _LANGUAGE.fullmatch(admin.language):
            problems.add(
                f"language {shown(admin.language)} is not a language tag, as 'en' or 'fr'.", "admins", index, "language"
            )
    problems.raise_if_any()


def check_contract(given: ContractInput, meters: Mapping[str, Meter]) -> None:
    """Raise :class:`InvalidInput` naming everything wrong with a contract.

    A term that no installed meter knows is refused with the nearest that one does.
    """
    problems = _Problems()
    for name, day in (("effectiveFrom", given.effective_from), ("startsOn", given.starts_on)):
        if not _EARLIEST <= day < _LATEST:
            problems.add(f"{name} {day} must be from {_EARLIEST} to before {_LATEST}.", name)
    try:
        parse_billing_period(given.billing_period)
    except InvalidDuration as problem:
        problems.add(f"billingPeriod {problem}.", "billingPeriod")
    if given.anchor not in (CONTRACT_DATE, CALENDAR_YEAR):
        problems.add(f"anchor {shown(given.anchor)} must be {CONTRACT_DATE} or {CALENDAR_YEAR}.", "anchor")
    terms = {term for meter in meters.values() for term in meter.limit_terms}
    problems.twice("term", (key for key, _ in given.terms), "terms", "key")
    for index, (key, value) in enumerate(given.terms):
        if not _TERM.fullmatch(key) or key not in terms:
            problems.add(
                f"No meter knows the term {shown(key)}.{did_you_mean(key, terms)}",
                "terms", index, "key", code="UNKNOWN_TERM",
            )  # fmt: skip
        called = f"The term {key[:100]}"
        problems.number(called, value, "be a number from 0 to 2^53", LARGEST, "terms", index, "value", zero=True)
    for name, meters_named in (("atRisk", given.at_risk), ("alertAt", given.alert_at), ("quotas", given.quotas)):
        problems.twice("meter", (one[0] for one in meters_named), name, "meter")
    for index, (key, ratio) in enumerate(given.at_risk):
        if key not in meters:
            problems.add(
                f"No meter {shown(key)}.{did_you_mean(key, meters)}", "atRisk", index, "meter", code="UNKNOWN_METER"
            )
        problems.number("ratio", ratio, "be above 0 and up to 1", 1, "atRisk", index, "ratio")
    for index, (key, ratios) in enumerate(given.alert_at):
        _check_alert_at(problems, index, key, ratios, meters)
    for index, (key, quota) in enumerate(given.quotas):
        _check_quota(problems, index, key, quota, meters)
    days = given.expiry_notice_days
    if len(days) > MOST_NOTICES or len(set(days)) < len(days) or not all(1 <= one <= _MOST_NOTICE_DAYS for one in days):
        problems.add(
            f"expiryNoticeDays must be {MOST_NOTICES} different numbers at most, each from 1 to {_MOST_NOTICE_DAYS}.",
            "expiryNoticeDays",
        )
    problems.raise_if_any()


def _check_alert_at(
    problems: _Problems, index: int, key: str, ratios: tuple[Decimal, ...], meters: Mapping[str, Meter]
) -> None:
    """Further ratios may lie above the limit, unless it is a hard one: those would never be reached."""
    if key not in meters:
        problems.add(
            f"No meter {shown(key)}.{did_you_mean(key, meters)}", "alertAt", index, "meter", code="UNKNOWN_METER"
        )
    if len(ratios) > MOST_RATIOS:
        problems.add(f"ratios must be {MOST_RATIOS} at most, not {len(ratios)}.", "alertAt", index, "ratios")
        return
    hard = key in meters and meters[key].enforcement is Enforcement.HARD
    must, most = (
        ("be above 0 and up to 1, as the limit is a hard one", 1)
        if hard
        else (f"be above 0 and up to {HIGHEST_RATIO}", HIGHEST_RATIO)
    )
    for place, ratio in enumerate(ratios):
        problems.number("ratio", ratio, must, most, "alertAt", index, "ratios", place)
        if ratio in ratios[:place]:
            problems.add(f"ratio {ratio} is there twice.", "alertAt", index, "ratios", place)


def _check_quota(problems: _Problems, index: int, key: str, quota: QuotaTerms, meters: Mapping[str, Meter]) -> None:
    hard = {key for key, meter in meters.items() if isinstance(meter, Admission)}
    if key not in hard:
        wrong = f"The meter {shown(key)} has no hard quota." if key in meters else f"No meter {shown(key)}."
        problems.add(f"{wrong}{did_you_mean(key, hard)}", "quotas", index, "meter", code="UNKNOWN_METER")
    if quota.window is not None:
        try:
            parse_billing_period(quota.window)
        except InvalidDuration as problem:
            problems.add(f"window {problem}.", "quotas", index, "window")
    for name, days in (("backOffDays", quota.back_off_days), ("lostAfterDays", quota.lost_after_days)):
        if days is not None and not 1 <= days <= _MOST_DAYS:
            problems.add(f"{name} must be from 1 to {_MOST_DAYS}, not {days}.", "quotas", index, name)
    for name, value, known in (
        ("onOutage", quota.on_outage, [one.value for one in OnOutage]),
        ("identifiers", quota.identifiers, [one.value for one in Identifiers]),
    ):
        if value not in known:
            problems.add(f"{name} {shown(value)} must be {' or '.join(known)}.", "quotas", index, name)


def check_grant(given: GrantInput, credit_meters: Iterable[str], now: datetime) -> str:
    """Raise :class:`InvalidInput` naming everything wrong with a grant; return the key of its meter."""
    problems = _Problems()
    meter = _check_credits(problems, given, credit_meters)
    problems.text(given.id, 200, "id")
    if given.request is not None:
        problems.text(given.request, 200, "request")
    for name, time in (("grantedAt", given.granted_at), ("expiresAt", given.expires_at)):
        if time is not None and not _EARLIEST <= time.date() < _LATEST:
            problems.add(f"{name} must be from {_EARLIEST} to before {_LATEST}.", name)
    if given.expires_at is not None and given.expires_at <= (given.granted_at or now):
        problems.add("expiresAt must be after grantedAt.", "expiresAt")
    problems.raise_if_any()
    return meter


def check_credit_request(given: CreditRequestInput, credit_meters: Iterable[str]) -> str:
    """Raise :class:`InvalidInput` naming everything wrong with a request; return the key of its meter."""
    problems = _Problems()
    meter = _check_credits(problems, given, credit_meters)
    problems.raise_if_any()
    return meter


def _check_credits(problems: _Problems, given: GrantInput | CreditRequestInput, credit_meters: Iterable[str]) -> str:
    known = list(credit_meters)
    meter = given.meter or (known[0] if len(known) == 1 else "")
    if meter not in known:
        named = ", ".join(known) or "none is installed"
        wrong = f"No meter of credits {shown(given.meter)}" if given.meter else "Say which meter the credits are for"
        problems.add(f"{wrong}: {named}.", "meter", code="UNKNOWN_METER")
    problems.number("amount", given.amount, "be above 0 and up to 2^53", LARGEST, "amount")
    if given.entity is not None:
        problems.text(given.entity, 200, "entity")
    if given.note is not None:
        problems.text(given.note, 1000, "note")
    return meter


def _is_writable(email: str) -> bool:
    try:
        address_of(email)
    except BadAddress:
        return False
    return True


def _loads(time_zone: str) -> bool:
    """Some names of the database are not zones of the running system (``localtime``, ``Factory``)."""
    if time_zone in ("localtime", "Factory", "posixrules"):
        return False
    return ZoneInfo(time_zone) is not None
