"""Inputs of operators and back ends: licenses, contracts, grants, and requests for credits."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.licenses.billing import CONTRACT_DATE
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import EXPIRY_NOTICE_DAYS


@dataclass(frozen=True, slots=True)
class AdminInput:
    """A user of the license with the admin role."""

    email: str
    name: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class LicenseInput:
    """A license to put. With `admins` None it keeps the admins that it has."""

    key: str
    name: str
    time_zone: str = "UTC"
    admins: tuple[AdminInput, ...] | None = None


@dataclass(frozen=True, slots=True)
class ContractInput:
    """A contract version to put. Its terms are in force from `effective_from` on."""

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
    """Credits to grant.

    `meter` may be left out if exactly one meter of credits is installed. `request` is the id of the request for credits
    that the grant answers.
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
    """Credits to request. `meter` may be left out if exactly one meter of credits is installed."""

    license: str
    amount: Decimal
    entity: str | None = None
    note: str | None = None
    meter: str | None = None
