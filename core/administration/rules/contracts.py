"""Rules for contract versions."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from allowance import Admission, Credits, Enforcement, Meter

from core.administration.contract_content import decimal_texts, quota_documents, ratio_texts
from core.administration.inputs import ContractInput
from core.administration.rules.problems import EARLIEST, LATEST, Problems
from core.left_out import LEFT_OUT
from core.licenses.billing import CALENDAR_YEAR, CONTRACT_DATE, InvalidDuration, parse_billing_period
from core.licenses.quota_terms import Identifiers, OnOutage, QuotaTerms
from core.licenses.tables import ContractVersion
from core.nearest import did_you_mean
from core.text import shown
from core.usage.amount import LARGEST

_TERM: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MOST_DAYS: Final = 3660
MOST_RATIOS: Final = 20
"""The largest number of further ratios that a contract may name for one meter."""
HIGHEST_RATIO: Final = 10
"""The highest further ratio: ten times the limit."""
MOST_NOTICES: Final = 10
_MOST_NOTICE_DAYS: Final = 366


def check_contract(
    contract: ContractInput, meters: Mapping[str, Meter], stored: ContractVersion | None = None
) -> list[str]:
    """Check the fields that a contract states.

    A term or meter that is not installed is refused, unless the stored version has it with the same value.

    Args:
        contract: The contract.
        meters: The installed meters by key.
        stored: The stored version with the date of the contract, or None.

    Returns:
        A warning for each term and meter that is not installed and passed.

    Raises:
        InvalidInput: With every problem of the contract.
    """
    problems = Problems()
    for name, day in (("effectiveFrom", contract.effective_from), ("startsOn", contract.starts_on)):
        if not EARLIEST <= day < LATEST:
            problems.add(f"{name} {day} must be from {EARLIEST} to before {LATEST}.", name)
    ends_on = contract.ends_on
    if isinstance(ends_on, date) and not contract.effective_from <= ends_on < LATEST:
        problems.add(f"endsOn {ends_on} must be from effectiveFrom to before {LATEST}.", "endsOn")
    if isinstance(contract.billing_period, str):
        _check_duration(problems, contract.billing_period, "billingPeriod")
    if isinstance(contract.anchor, str) and contract.anchor not in (CONTRACT_DATE, CALENDAR_YEAR):
        problems.add(f"anchor {shown(contract.anchor)} must be {CONTRACT_DATE} or {CALENDAR_YEAR}.", "anchor")
    # What contracts state of a meter that another replaces stays valid.
    meters = {old: meter for meter in meters.values() for old in meter.replaces} | dict(meters)
    terms = {term for meter in meters.values() for term in meter.limit_terms}
    at_risk = () if contract.at_risk is LEFT_OUT else contract.at_risk or ()
    alert_at = () if contract.alert_at is LEFT_OUT else contract.alert_at or ()
    forecast_at = () if contract.forecast_at is LEFT_OUT else contract.forecast_at or ()
    quotas = () if contract.quotas is LEFT_OUT else contract.quotas or ()
    same_terms, same_at_risk, same_alert_at, same_forecast_at, same_quotas = set(), set(), set(), set(), set()
    if stored:
        same_terms = _same(decimal_texts(contract.terms), stored.terms) - terms
        same_at_risk = _same(decimal_texts(at_risk), stored.at_risk) - meters.keys()
        same_alert_at = _same(ratio_texts(alert_at), stored.alert_at) - meters.keys()
        same_forecast_at = _same(ratio_texts(forecast_at), stored.forecast_at) - meters.keys()
        same_quotas = _same(quota_documents(quotas), stored.quotas) - meters.keys()
    _check_terms(problems, contract.terms, terms, same_terms)
    stated = (("atRisk", at_risk), ("alertAt", alert_at), ("forecastAt", forecast_at), ("quotas", quotas))
    for name, meters_named in stated:
        problems.twice("meter", (entry[0] for entry in meters_named), name, "meter")
    for index, (key, ratio) in enumerate(at_risk):
        if key not in meters and key not in same_at_risk:
            problems.add(
                f"No meter {shown(key)}.{did_you_mean(key, meters)}", "atRisk", index, "meter", code="UNKNOWN_METER"
            )
        problems.number("ratio", ratio, "be above 0 and up to 1", 1, "atRisk", index, "ratio")
    _check_ratios(problems, "alertAt", alert_at, meters, same_alert_at)
    _check_ratios(problems, "forecastAt", forecast_at, meters, same_forecast_at)
    for index, (key, quota) in enumerate(quotas):
        _check_quota(problems, index, key, quota, meters, same_quotas)
    days = () if contract.expiry_notice_days is LEFT_OUT else contract.expiry_notice_days or ()
    if len(days) > MOST_NOTICES or len(set(days)) < len(days) or not all(1 <= day <= _MOST_NOTICE_DAYS for day in days):
        problems.add(
            f"expiryNoticeDays must be {MOST_NOTICES} different numbers at most, each from 1 to {_MOST_NOTICE_DAYS}.",
            "expiryNoticeDays",
        )
    problems.raise_if_any()
    return [
        *(f"No installed meter knows the term {shown(term)}. It stays as it is." for term in sorted(same_terms)),
        *(
            f"No meter {shown(meter)} is installed. What the contract states of it stays as it is."
            for meter in sorted(same_at_risk | same_alert_at | same_forecast_at | same_quotas)
        ),
    ]


def _check_duration(problems: Problems, duration: str, *path: object) -> None:
    try:
        parse_billing_period(duration)
    except InvalidDuration as problem:
        problems.add(f"{path[-1]} {problem}.", *path)


def _same(stated: Mapping[str, object], stored: Mapping[str, object]) -> set[str]:
    """Return the names that have the same value in both."""
    return {name for name, value in stated.items() if stored.get(name) == value}


def _check_terms(
    problems: Problems, stated: Sequence[tuple[str, Decimal]], terms: Collection[str], same: Collection[str]
) -> None:
    """Check terms. A term that no meter knows is refused unless `same` names it: the stored version has it as well."""
    problems.twice("term", (key for key, _ in stated), "terms", "key")
    for index, (key, value) in enumerate(stated):
        if key not in same and (not _TERM.fullmatch(key) or key not in terms):
            problems.add(
                f"No meter knows the term {shown(key)}.{did_you_mean(key, terms)}",
                "terms", index, "key", code="UNKNOWN_TERM",
            )  # fmt: skip
        called = f"The term {key[:100]}"
        problems.number(called, value, "be a number from 0 to 2^53", LARGEST, "terms", index, "value", zero=True)


def _check_ratios(
    problems: Problems,
    field: str,
    stated: Sequence[tuple[str, tuple[Decimal, ...]]],
    meters: Mapping[str, Meter],
    same: Collection[str],
) -> None:
    """Check the ratios of meters in a field. They may lie above a soft limit, not above a hard limit."""
    for index, (key, ratios) in enumerate(stated):
        if key not in meters and key not in same:
            problems.add(
                f"No meter {shown(key)}.{did_you_mean(key, meters)}", field, index, "meter", code="UNKNOWN_METER"
            )
        if len(ratios) > MOST_RATIOS:
            problems.add(f"ratios must be {MOST_RATIOS} at most, not {len(ratios)}.", field, index, "ratios")
            continue
        must, most = f"be above 0 and up to {HIGHEST_RATIO}", HIGHEST_RATIO
        if key in meters and meters[key].enforcement is Enforcement.HARD:
            must, most = "be above 0 and up to 1, as the limit is a hard one", 1
        elif field == "forecastAt" and isinstance(meters.get(key), Credits):
            must, most = "be above 0 and up to 1, as no more credits can be spent than are left", 1
        for place, ratio in enumerate(ratios):
            problems.number("ratio", ratio, must, most, field, index, "ratios", place)
            if ratio in ratios[:place]:
                problems.add(f"ratio {ratio} is there twice.", field, index, "ratios", place)


def _check_quota(
    problems: Problems,
    index: int,
    key: str,
    quota: QuotaTerms,
    meters: Mapping[str, Meter],
    same: Collection[str],
) -> None:
    hard = {key for key, meter in meters.items() if isinstance(meter, Admission)}
    if key not in hard and key not in same:
        wrong = f"The meter {shown(key)} has no hard quota." if key in meters else f"No meter {shown(key)}."
        problems.add(f"{wrong}{did_you_mean(key, hard)}", "quotas", index, "meter", code="UNKNOWN_METER")
    if quota.window is not None:
        _check_duration(problems, quota.window, "quotas", index, "window")
    for name, days in (("backOffDays", quota.back_off_days), ("lostAfterDays", quota.lost_after_days)):
        if days is not None and not 1 <= days <= _MOST_DAYS:
            problems.add(f"{name} must be from 1 to {_MOST_DAYS}, not {days}.", "quotas", index, name)
    for name, value, known in (
        ("onOutage", quota.on_outage, [choice.value for choice in OnOutage]),
        ("identifiers", quota.identifiers, [choice.value for choice in Identifiers]),
    ):
        if value not in known:
            problems.add(f"{name} {shown(value)} must be {' or '.join(known)}.", "quotas", index, name)
