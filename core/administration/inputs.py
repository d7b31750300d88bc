"""Inputs of operators and back ends: licenses, contracts, grants, requests for credits, and sessions.

A field that is LEFT_OUT keeps its stored value. A field that is None is cleared: it returns to its default.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.access.keys import Scope
from core.access.person import Person
from core.left_out import LEFT_OUT, LeftOut
from core.licenses.contact import Contact
from core.licenses.quota_terms import QuotaTerms


@dataclass(frozen=True, slots=True)
class AdminInput:
    """A user of the license with the admin role."""

    email: str
    name: str | LeftOut | None = LEFT_OUT
    language: str | LeftOut | None = LEFT_OUT


@dataclass(frozen=True, slots=True)
class LicenseInput:
    """A license to put. A new license needs a name, and no name can be cleared. `admins` are all admins."""

    key: str
    name: str | LeftOut | None = LEFT_OUT
    time_zone: str | LeftOut | None = LEFT_OUT
    admins: tuple[AdminInput, ...] | LeftOut | None = LEFT_OUT
    contact: Contact | LeftOut | None = LEFT_OUT


@dataclass(frozen=True, slots=True)
class ContractInput:
    """A contract version to put. Its terms are in force from `effective_from` on.

    `terms` are all terms. A field that is left out keeps the value of the newest version by then. `ends_on` is the last
    day in force; left out, it keeps the end of the version that is in force on `effective_from`.
    """

    license: str
    effective_from: date
    starts_on: date
    terms: tuple[tuple[str, Decimal], ...]
    ends_on: date | LeftOut | None = LEFT_OUT
    billing_period: str | LeftOut | None = LEFT_OUT
    anchor: str | LeftOut | None = LEFT_OUT
    at_risk: tuple[tuple[str, Decimal], ...] | LeftOut | None = LEFT_OUT
    alert_at: tuple[tuple[str, tuple[Decimal, ...]], ...] | LeftOut | None = LEFT_OUT
    forecast_at: tuple[tuple[str, tuple[Decimal, ...]], ...] | LeftOut | None = LEFT_OUT
    warnings: bool | LeftOut | None = LEFT_OUT
    quotas: tuple[tuple[str, QuotaTerms], ...] | LeftOut | None = LEFT_OUT
    expiry_notice_days: tuple[int, ...] | LeftOut | None = LEFT_OUT


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
class VoidInput:
    """A grant to void: what is left of it, or with `all` the whole grant, as if it had never been made."""

    license: str
    grant: str
    note: str | None = None
    all: bool = False


@dataclass(frozen=True, slots=True)
class FreeingInput:
    """Places of a hard quota to free: an installation's, or those of installations first seen within a time.

    The time is from `first_seen_from` up to but not including `first_seen_before`; both are None for an installation.
    """

    license: str
    installation: str | None = None
    first_seen_from: datetime | None = None
    first_seen_before: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DeclineInput:
    """A request for credits to decline, with the reason for people."""

    license: str
    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class CorrectionInput:
    """A correction of usage: either a signed quantity of an event type, or an event to cancel by its source and id.

    `time` is the time of the usage that the quantity corrects; None for now.
    """

    id: str
    license: str
    reason: str
    event: str | None = None
    quantity: Decimal | None = None
    time: datetime | None = None
    entity: str | None = None
    dimensions: object = None
    cancels: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CreditRequestInput:
    """Credits to request. `meter` may be left out if exactly one meter of credits is installed."""

    license: str
    amount: Decimal
    entity: str | None = None
    note: str | None = None
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class ClosingInput:
    """An entity to close from the day `from_` on, and the entity that takes over from it, if any."""

    license: str
    entity: str
    from_: date
    into: str | None = None


@dataclass(frozen=True, slots=True)
class RenamingInput:
    """An entity, and the name that people are to see."""

    license: str
    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class SessionInput:
    """A session to create: a token that reads one license for so many minutes, perhaps for a person."""

    license: str
    scopes: tuple[Scope, ...]
    minutes: int = 60
    person: Person | None = None
