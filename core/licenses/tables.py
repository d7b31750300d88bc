"""The tables of licenses, admins, contract versions and grants."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Index, false, text
from sqlmodel import Field, SQLModel

from core.database.types import BigId, ExactDecimal, Json, Microseconds, Name, UtcDateTime
from core.text import fold

EXPIRY_NOTICE_DAYS: Final = (30, 7)
"""Notices of expiring credits are sent this many days before, unless the contract sets other days."""


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class License(SQLModel, table=True):
    """A license, the tenant: what a customer bought. `id` is internal; `key` is its public name.

    `closings` is the number of times that entities of the license were closed. Servers compare it, to read closed
    entities again when there is another.
    `search` is the key and the name as :func:`searchable` folds them, and `name_order` the text of
    :func:`alphabetical`, so that the database's collation plays no part.
    `revision` grows with every change of the license or its contract: what was read at another revision is out of date.
    While the license is suspended, `suspended_at`, `suspended_because` and `suspended_by` state since when, why and by
    whom; otherwise they are null.
    `zone_changed_at` is the time at which `time_zone` changed last, or None if it never did.
    `contact_name`, `contact_email` and `contact_url` are the account manager; without a name there is none.
    """

    __table_args__ = (Index("license_by_name", "name_order", "key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(sa_type=Name, unique=True)
    name: str
    time_zone: str
    search: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    name_order: str = Field(default="", sa_type=Name, sa_column_kwargs={"server_default": text("''")})
    closings: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    suspended_at: datetime | None = Field(default=None, sa_type=Microseconds)
    suspended_because: str | None = None
    suspended_by: str | None = None
    zone_changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    contact_name: str | None = None
    contact_email: str | None = None
    contact_url: str | None = None


class LicenseAdmin(SQLModel, table=True):
    """A user of the license with the admin role, who gets its notifications by e-mail."""

    __tablename__ = "license_admin"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    email: str = Field(primary_key=True, sa_type=Name)
    name: str | None = None
    language: str | None = None


class ContractVersion(SQLModel):
    """A version of a license's terms, in force from `effective_from` until a later version is, or until it ends.

    `ends_on` is the last day on which it is in force; None if it has no end. `terms` and `at_risk` map names to exact
    decimals as text, `alert_at` and `forecast_at` to several of these, lowest first. `quotas` holds the terms of hard
    quotas by meter (see :class:`core.licenses.quota_terms.QuotaTerms`). `expiry_notice_days` are the days before
    credits expire at which notices are sent, the most days first.
    """

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    version: int = Field(primary_key=True)
    effective_from: date
    ends_on: date | None = None
    starts_on: date
    billing_period: str
    anchor: str
    terms: dict[str, str] = Field(sa_type=Json)
    at_risk: dict[str, str] = Field(sa_type=Json)
    alert_at: dict[str, list[str]] = Field(default_factory=dict, sa_type=Json)
    forecast_at: dict[str, list[str]] = Field(default_factory=dict, sa_type=Json)
    warnings: bool
    quotas: dict[str, dict[str, Any]] = Field(default_factory=dict, sa_type=Json)
    expiry_notice_days: list[int] = Field(default_factory=lambda: list(EXPIRY_NOTICE_DAYS), sa_type=Json)

    @property
    def end(self) -> date | None:
        """The first day after the last day in force; None if it has no end."""
        return None if self.ends_on is None else self.ends_on + timedelta(days=1)


class Contract(ContractVersion, table=True):
    """A contract version as it is stored. A withdrawn version is kept for the record alone: it is never in force."""

    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by: str | None = None


class Grant(SQLModel, table=True):
    """Credits granted to a license, or to one of its entities, for a meter of credits.

    A voided grant pays nothing from `voided_at` on, as if it had expired then. With `voided_all` it never paid at all.
    `voided_by` is the name of the access key, `void_note` the reason.
    """

    __tablename__ = "credit_grant"

    license_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="license.id")
    id: str = Field(primary_key=True, sa_type=Name)
    meter: str
    amount: Decimal = Field(sa_type=ExactDecimal)
    entity: str | None = None
    granted_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str | None = None
    voided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    voided_by: str | None = None
    void_note: str | None = None
    voided_all: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


LICENSE_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


LONGEST_NAME: Final = 200


def searchable(key: str, name: str) -> str:
    """Return the text in which a search for a license looks."""
    return f"{fold(key)}\n{fold(name)}"


def alphabetical(name: str) -> str:
    """Return the text by which a list in the order of names sorts a name: without case and accents."""
    letters = unicodedata.normalize("NFKD", fold(name))
    return unicodedata.normalize("NFC", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def id_of(license: License) -> int:
    """Return the internal id of a license that was read or flushed."""
    if license.id is None:
        raise ValueError(f"license {license.key} was not flushed")
    return license.id
