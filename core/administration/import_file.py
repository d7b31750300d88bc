"""Licenses with their contracts and grants from a YAML file: all of it, or nothing."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from sqlmodel import Session, col, select

from core.administration.document import InvalidFile, LineProblem, Value, read_document
from core.administration.inputs import (
    AdminInput,
    ContractInput,
    GrantInput,
    LicenseInput,
    check_contract,
    check_grant,
    check_license,
)
from core.administration.put import credit_meters, grant_credits, put_contract, put_license
from core.consumption.tables import Snapshot
from core.database.dialect import parts
from core.errors import InvalidInput
from core.licenses.billing import CONTRACT_DATE
from core.licenses.quota_terms import DEFAULT, QuotaTerms
from core.licenses.tables import EXPIRY_NOTICE_DAYS, LICENSE_KEY, Grant, License
from core.plugins.host import Registry
from core.text import shown

_CAMEL: Final = re.compile(
    r"\b(timeZone|effectiveFrom|startsOn|billingPeriod|atRisk|alertAt|expiryNoticeDays|grantedAt|expiresAt|backOffDays|lostAfterDays|onOutage)\b"
)
T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class ImportedLicenses:
    """How much a file holds, all of which is in force now."""

    licenses: int
    contracts: int
    grants: int


@dataclass(slots=True)
class LicenseFile:
    """What a file says, each part with the place where it does, and what could not be read of it."""

    name: str
    problems: list[LineProblem]
    licenses: list[tuple[Value, LicenseInput]] = field(default_factory=list)
    contracts: list[tuple[Value, ContractInput]] = field(default_factory=list)
    grants: list[tuple[Value, GrantInput]] = field(default_factory=list)


def read_licenses(name: str, content: bytes) -> LicenseFile:
    """What the YAML file `name` says. It is pure, and takes a second for some hundred licenses.

    Raises :class:`InvalidFile` where it is no YAML at all; anything else is left for :func:`import_licenses`
    to say together with what the rules find.
    """
    root, problems = read_document(name, content)
    file = LicenseFile(name, problems)
    keys: set[str] = set()
    for value in _list(root.fields(["licenses"]), "licenses"):
        fields = value.fields(["key", "name"], ["time_zone", "admins", "contracts", "grants"])
        license = LicenseInput(
            key=_get(fields, "key", Value.text, ""),
            name=_get(fields, "name", Value.text, ""),
            time_zone=_get(fields, "time_zone", Value.text, "UTC"),
            admins=tuple(_read_admin(admin) for admin in _list(fields, "admins")) if "admins" in fields else None,
        )
        if license.key in keys:
            fields["key"].fail("this license is there twice; put its contracts and grants in one place.")
        keys |= {license.key} - {""}
        file.licenses.append((value, license))
        file.contracts += _read_contracts(_list(fields, "contracts"), license.key)
        file.grants += _read_grants(_list(fields, "grants"), license.key)
    return file


def import_licenses(
    session: Session,
    file: LicenseFile,
    registry: Registry,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportedLicenses:
    """Put all that a file says; the caller commits. The same file again changes nothing.

    Raises :class:`InvalidFile`, which names everything that is wrong with its line; the caller rolls back.
    """
    problems = file.problems
    # What could not be read is reported already, and a rule would only say so again.
    unread = frozenset(problem.path for problem in problems)
    file.grants = _as_first_granted(session, file.grants)
    meters = credit_meters(registry)
    for value, license in file.licenses:
        with _located(value, unread):
            check_license(license)
    for value, contract in file.contracts:
        with _located(value, unread):
            check_contract(contract, registry.meters)
    for value, grant in file.grants:
        with _located(value, unread):
            check_grant(grant, meters, now)
    if problems:
        raise InvalidFile(file.name, problems)
    total = len(file.licenses) + len(file.contracts) + len(file.grants)
    for done, (value, put) in enumerate(_puts(session, file, registry, now)):
        progress(done, total)
        with _located(value):
            put()
    if problems:
        raise InvalidFile(file.name, problems)
    return ImportedLicenses(len(file.licenses), len(file.contracts), len(file.grants))


def _puts(
    session: Session, file: LicenseFile, registry: Registry, now: datetime
) -> Iterator[tuple[Value, Callable[[], object]]]:
    """Each license with all that is its own, the known ones by id: so do all who change several at once, so that two
    do not wait for each other in a circle."""
    known = _locked(session, [license.key for _, license in file.licenses])
    contracts, grants = defaultdict(list), defaultdict(list)
    for one in file.contracts:
        contracts[one[1].license].append(one)
    for other in file.grants:
        grants[other[1].license].append(other)
    for value, license in sorted(file.licenses, key=lambda one: (known.get(one[1].key, math.inf), one[1].key)):
        yield value, partial(put_license, session, license, now)
        for place, contract in contracts[license.key]:
            yield place, partial(put_contract, session, contract, registry, now)
        for place, grant in grants[license.key]:
            yield place, partial(grant_credits, session, grant, registry, now)


def _locked(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """The ids of the licenses that there are by their keys, locked, and with them their snapshots.

    First the licenses, since whoever changes one locks it before its snapshot; refreshes lock snapshots alone.
    """
    known: dict[str, int] = {}
    for part in parts(keys):
        named = session.exec(select(License.key, License.id).where(col(License.key).in_(part)))
        known |= {key: license_id for key, license_id in named if license_id is not None}
    ids = sorted(known.values())
    for column in (col(License.id), col(Snapshot.license_id)):
        for some in parts(ids):
            session.execute(select(column).where(column.in_(some)).order_by(column).with_for_update(key_share=True))
    return known


@contextmanager
def _located(value: Value, unread: Collection[str] = ()) -> Iterator[None]:
    """Say where in the file the problems of an input are, in the words of the file."""
    try:
        yield
    except InvalidInput as error:
        for problem in error.problems:
            place = value.at([_snake(step) for step in problem.path])
            if place.path not in unread:
                place.fail(_snake(problem.message))


def _snake(text: str) -> str:
    return _CAMEL.sub(lambda found: re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", found[0]), text)


def _as_first_granted(session: Session, grants: Sequence[tuple[Value, GrantInput]]) -> list[tuple[Value, GrantInput]]:
    """Grants for which the file gives no date keep the one that they got when they were first imported."""
    known: dict[tuple[str, str], datetime] = {}
    undated = {grant.license for _, grant in grants if grant.granted_at is None}
    for license in sorted(key for key in undated if LICENSE_KEY.fullmatch(key)):
        rows = session.execute(
            select(Grant.id, Grant.granted_at)
            .join(License, col(License.id) == col(Grant.license_id))
            .where(License.key == license)
        )
        known |= {(license, row[0]): row[1] for row in rows}
    return [
        (value, replace(grant, granted_at=grant.granted_at or known.get((grant.license, grant.id))))
        for value, grant in grants
    ]


def _read_admin(value: Value) -> AdminInput:
    fields = value.fields(["email"], ["name", "language"])
    return AdminInput(
        email=_get(fields, "email", Value.text, ""),
        name=_get(fields, "name", Value.text, None),
        language=_get(fields, "language", Value.text, None),
    )


def _read_contracts(values: Iterable[Value], license: str) -> Iterator[tuple[Value, ContractInput]]:
    days: set[date] = set()
    for value in values:
        fields = value.fields(
            ["effective_from", "starts_on", "terms"],
            ["billing_period", "anchor", "at_risk", "alert_at", "warnings", "quotas", "expiry_notice_days"],
        )
        contract = ContractInput(
            license=license,
            effective_from=_get(fields, "effective_from", Value.date, date.min),
            starts_on=_get(fields, "starts_on", Value.date, date.min),
            terms=_numbers(fields, "terms"),
            billing_period=_get(fields, "billing_period", Value.text, "P1Y"),
            anchor=_get(fields, "anchor", Value.text, CONTRACT_DATE),
            at_risk=_numbers(fields, "at_risk"),
            alert_at=tuple(_read_ratios(fields["alert_at"])) if "alert_at" in fields else (),
            warnings=_get(fields, "warnings", Value.boolean, False),
            expiry_notice_days=_read_days(fields["expiry_notice_days"])
            if "expiry_notice_days" in fields
            else EXPIRY_NOTICE_DAYS,
            quotas=tuple(_read_quotas(fields["quotas"])) if "quotas" in fields else (),
        )
        if contract.effective_from in days:
            fields["effective_from"].fail(f"two contracts of this license take effect on {contract.effective_from}.")
        days |= {contract.effective_from} - {date.min}
        yield value, contract


def _read_ratios(value: Value) -> Iterator[tuple[str, tuple[Decimal, ...]]]:
    for meter, one in value.entries.items():
        yield meter, tuple(ratio for item in one.items if (ratio := item.number()) is not None)


def _read_days(value: Value) -> tuple[int, ...]:
    return tuple(days for item in value.items if (days := item.whole()) is not None)


def _read_quotas(value: Value) -> Iterator[tuple[str, QuotaTerms]]:
    for meter, one in value.entries.items():
        fields = one.fields([], ["window", "back_off_days", "lost_after_days", "on_outage", "identifiers"])
        yield (
            meter,
            QuotaTerms(
                window=_get(fields, "window", Value.text, None),
                back_off_days=_get(fields, "back_off_days", Value.whole, None),
                lost_after_days=_get(fields, "lost_after_days", Value.whole, DEFAULT.lost_after_days),
                on_outage=_get(fields, "on_outage", Value.text, DEFAULT.on_outage),
                identifiers=_get(fields, "identifiers", Value.text, DEFAULT.identifiers),
            ),
        )


def _read_grants(values: Iterable[Value], license: str) -> Iterator[tuple[Value, GrantInput]]:
    ids: set[str] = set()
    for value in values:
        fields = value.fields(["id", "amount"], ["entity", "granted_at", "expires_at", "note", "meter"])
        grant = GrantInput(
            id=_get(fields, "id", Value.text, ""),
            license=license,
            amount=_get(fields, "amount", Value.number, Decimal(0)),
            entity=_get(fields, "entity", Value.text, None),
            granted_at=_get(fields, "granted_at", Value.time, None),
            expires_at=_get(fields, "expires_at", Value.time, None),
            note=_get(fields, "note", Value.text, None),
            meter=_get(fields, "meter", Value.text, None),
        )
        if grant.id in ids:
            fields["id"].fail(f"two grants of this license have the id {shown(grant.id)}; give each its own.")
        ids |= {grant.id} - {""}
        yield value, grant


def _get(fields: Mapping[str, Value], key: str, read: Callable[[Value], T | None], otherwise: D) -> T | D:
    """A field, or what stands for it where it was left out or cannot be read."""
    found = read(fields[key]) if key in fields else None
    return otherwise if found is None else found


def _list(fields: Mapping[str, Value], key: str) -> list[Value]:
    return fields[key].items if key in fields else []


def _numbers(fields: Mapping[str, Value], key: str) -> tuple[tuple[str, Decimal], ...]:
    entries = fields[key].entries if key in fields else {}
    return tuple((name, _get(entries, name, Value.number, Decimal(1))) for name in entries)
