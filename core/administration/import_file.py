"""The import of licenses with their contracts and grants from a YAML file: the whole file or nothing."""

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
from core.administration.grant_credits import credit_meters, grant_credits
from core.administration.inputs import AdminInput, ContractInput, GrantInput, LicenseInput
from core.administration.put_contract import MOST_VERSIONS, put_contract
from core.administration.put_license import put_license
from core.administration.rules.contracts import check_contract
from core.administration.rules.credits import check_grant
from core.administration.rules.licenses import MOST_ADMINS, check_license
from core.consumption.tables import Snapshot
from core.database.dialect import parts
from core.errors import InvalidInput
from core.left_out import LEFT_OUT, LeftOut
from core.licenses.contact import Contact
from core.licenses.quota_terms import DEFAULT, QuotaTerms
from core.licenses.tables import LICENSE_KEY, Contract, Grant, License
from core.plugins.registry import Registry
from core.text import shown

_CAMEL: Final = re.compile(
    r"\b(timeZone|effectiveFrom|endsOn|startsOn|billingPeriod|atRisk|alertAt|forecastAt|expiryNoticeDays|grantedAt|expiresAt|backOffDays|lostAfterDays|onOutage)\b"
)
T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class ImportedLicenses:
    """Numbers of licenses, contracts and grants in an imported file, and warnings of what was accepted."""

    licenses: int
    contracts: int
    grants: int
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class LicenseFile:
    """The content of a file: each input with its place in the file, and the problems found while reading."""

    name: str
    problems: list[LineProblem]
    licenses: list[tuple[Value, LicenseInput]] = field(default_factory=list)
    contracts: list[tuple[Value, ContractInput]] = field(default_factory=list)
    grants: list[tuple[Value, GrantInput]] = field(default_factory=list)


def read_licenses(name: str, content: bytes) -> LicenseFile:
    """Read a YAML file of licenses. Pure; some hundred licenses take a second.

    Problems with values are collected in the result. :func:`import_licenses` reports them together with the problems
    that the rules find.

    Args:
        name: The name of the file in error messages.
        content: The bytes of the file.

    Raises:
        InvalidFile: The file is not YAML.
    """
    root, problems = read_document(name, content)
    file = LicenseFile(name, problems)
    keys: set[str] = set()
    for value in _list(root.fields(["licenses"]), "licenses"):
        fields = value.fields(["key"], ["contracts", "grants"], ["name", "time_zone", "admins", "contact"])
        license = LicenseInput(
            key=_get(fields, "key", Value.text, ""),
            name=_stated(fields, "name", Value.text),
            time_zone=_stated(fields, "time_zone", Value.text),
            admins=_stated(fields, "admins", _read_admins),
            contact=_stated(fields, "contact", _read_contact),
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
    *,
    most_admins: int = MOST_ADMINS,
    most_versions: int = MOST_VERSIONS,
) -> ImportedLicenses:
    """Put the licenses, contracts and grants of a file. Importing the same file again changes nothing.

    Args:
        session: The caller commits it, or rolls it back if this raises.
        file: The content, from :func:`read_licenses`.
        registry: The installed meters, whose terms contracts may name.
        now: The time of the import.
        progress: Called with the number of inputs that are done, and of all.
        most_admins: The largest number of admins of a license.
        most_versions: The largest number of versions of a contract.

    Raises:
        InvalidFile: Anything in the file is wrong. The error names every problem with its line.
    """
    problems = file.problems
    # A value that could not be read is reported already. The rules would report it again.
    unread = frozenset(problem.path for problem in problems)
    file.grants = _as_first_granted(session, file.grants)
    meters = credit_meters(registry)
    known = _locked(session, [license.key for _, license in file.licenses])
    for value, license in file.licenses:
        if license.name is LEFT_OUT and license.key not in known and value.path not in unread:
            value.fail("name is missing.")
        with _located(value, unread):
            check_license(license, most_admins)
    stored = _stored_contracts(session, known)
    warnings: list[str] = []
    for value, contract in file.contracts:
        with _located(value, unread):
            unknown = check_contract(contract, registry.meters, stored.get((contract.license, contract.effective_from)))
            warnings += [f"{file.name}: {value.path}: {problem}" for problem in unknown]
    for value, grant in file.grants:
        with _located(value, unread):
            check_grant(grant, meters, now)
    if problems:
        raise InvalidFile(file.name, problems)
    total = len(file.licenses) + len(file.contracts) + len(file.grants)
    puts = _puts(session, file, known, registry, now, most_admins, most_versions)
    for done, (value, put) in enumerate(puts):
        progress(done, total)
        with _located(value):
            put()
    if problems:
        raise InvalidFile(file.name, problems)
    return ImportedLicenses(len(file.licenses), len(file.contracts), len(file.grants), tuple(warnings))


def _puts(
    session: Session,
    file: LicenseFile,
    known: Mapping[str, int],
    registry: Registry,
    now: datetime,
    most_admins: int,
    most_versions: int,
) -> Iterator[tuple[Value, Callable[[], object]]]:
    """Return the steps of the import: each license, then its contracts and grants.

    Known licenses come in the order of their ids, as in every transaction that locks several licenses. So two such
    transactions never wait for each other in a circle.
    """
    contracts, grants = defaultdict(list), defaultdict(list)
    for place, contract in file.contracts:
        contracts[contract.license].append((place, contract))
    for place, grant in file.grants:
        grants[grant.license].append((place, grant))
    for value, license in sorted(file.licenses, key=lambda item: (known.get(item[1].key, math.inf), item[1].key)):
        yield value, partial(put_license, session, license, now, most_admins)
        for place, contract in contracts[license.key]:
            yield place, partial(put_contract, session, contract, registry, now, most_versions)
        for place, grant in grants[license.key]:
            yield place, partial(grant_credits, session, grant, registry, now)


def _locked(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """Lock the existing licenses of these keys and their snapshots, and return their ids by key.

    The licenses come first, as whoever changes a license locks it before its snapshot. Refreshes lock only snapshots.
    """
    known: dict[str, int] = {}
    for part in parts([key for key in keys if LICENSE_KEY.fullmatch(key)]):
        named = session.exec(select(License.key, License.id).where(col(License.key).in_(part)))
        known |= {key: license_id for key, license_id in named if license_id is not None}
    ids = sorted(known.values())
    for column in (col(License.id), col(Snapshot.license_id)):
        for some in parts(ids):
            session.execute(select(column).where(column.in_(some)).order_by(column).with_for_update(key_share=True))
    return known


def _stored_contracts(session: Session, known: Mapping[str, int]) -> dict[tuple[str, date], Contract]:
    """Return the newest stored version of each date, by license key and date."""
    keys = {license_id: key for key, license_id in known.items()}
    stored: dict[tuple[str, date], Contract] = {}
    for some in parts(list(keys)):
        standing = col(Contract.license_id).in_(some), col(Contract.withdrawn_at).is_(None)
        versions = select(Contract).where(*standing).order_by(col(Contract.version))
        stored |= {(keys[row.license_id], row.effective_from): row for row in session.exec(versions)}
    return stored


@contextmanager
def _located(value: Value, unread: Collection[str] = ()) -> Iterator[None]:
    """Translate the problems of an input into problems at lines of the file, in the file's own names."""
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
    """Give grants without a date the date of their first import."""
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


def _read_admins(value: Value) -> tuple[AdminInput, ...]:
    return tuple(map(_read_admin, value.items))


def _read_admin(value: Value) -> AdminInput:
    fields = value.fields(["email"], clearable=["name", "language"])
    return AdminInput(
        email=_get(fields, "email", Value.text, ""),
        name=_stated(fields, "name", Value.text),
        language=_stated(fields, "language", Value.text),
    )


def _read_contact(value: Value) -> Contact:
    fields = value.fields(["name"], ["email", "url"])
    return Contact(
        name=_get(fields, "name", Value.text, ""),
        email=_get(fields, "email", Value.text, None),
        url=_get(fields, "url", Value.text, None),
    )


def _read_contracts(values: Iterable[Value], license: str) -> Iterator[tuple[Value, ContractInput]]:
    days: set[date] = set()
    for value in values:
        fields = value.fields(
            ["effective_from", "starts_on", "terms"],
            clearable=[
                "ends_on",
                "billing_period",
                "anchor",
                "at_risk",
                "alert_at",
                "forecast_at",
                "warnings",
                "quotas",
                "expiry_notice_days",
            ],
        )
        contract = ContractInput(
            license=license,
            effective_from=_get(fields, "effective_from", Value.date, date.min),
            starts_on=_get(fields, "starts_on", Value.date, date.min),
            terms=_get(fields, "terms", _read_numbers, ()),
            ends_on=_stated(fields, "ends_on", Value.date),
            billing_period=_stated(fields, "billing_period", Value.text),
            anchor=_stated(fields, "anchor", Value.text),
            at_risk=_stated(fields, "at_risk", _read_numbers),
            alert_at=_stated(fields, "alert_at", _read_ratios),
            forecast_at=_stated(fields, "forecast_at", _read_ratios),
            warnings=_stated(fields, "warnings", Value.boolean),
            expiry_notice_days=_stated(fields, "expiry_notice_days", _read_days),
            quotas=_stated(fields, "quotas", _read_quotas),
        )
        if contract.effective_from in days:
            fields["effective_from"].fail(f"two contracts of this license take effect on {contract.effective_from}.")
        days |= {contract.effective_from} - {date.min}
        yield value, contract


def _read_ratios(value: Value) -> tuple[tuple[str, tuple[Decimal, ...]], ...]:
    return tuple(
        (meter, tuple(ratio for item in ratios.items if (ratio := item.number()) is not None))
        for meter, ratios in value.entries.items()
    )


def _read_days(value: Value) -> tuple[int, ...]:
    return tuple(days for item in value.items if (days := item.whole()) is not None)


def _read_quotas(value: Value) -> tuple[tuple[str, QuotaTerms], ...]:
    return tuple((meter, _read_quota(quota)) for meter, quota in value.entries.items())


def _read_quota(value: Value) -> QuotaTerms:
    fields = value.fields([], ["window", "back_off_days", "lost_after_days", "on_outage", "identifiers"])
    return QuotaTerms(
        window=_get(fields, "window", Value.text, None),
        back_off_days=_get(fields, "back_off_days", Value.whole, None),
        lost_after_days=_get(fields, "lost_after_days", Value.whole, DEFAULT.lost_after_days),
        on_outage=_get(fields, "on_outage", Value.text, DEFAULT.on_outage),
        identifiers=_get(fields, "identifiers", Value.text, DEFAULT.identifiers),
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
    """Return a field as `read` reads it, or `otherwise` if it is left out or cannot be read."""
    found = read(fields[key]) if key in fields else None
    return otherwise if found is None else found


def _stated(fields: Mapping[str, Value], key: str, read: Callable[[Value], T | None]) -> T | LeftOut | None:
    """Return a field of a put as `read` reads it: LEFT_OUT without the key, None if it is null or cannot be read."""
    if key not in fields:
        return LEFT_OUT
    return None if fields[key].is_null else read(fields[key])


def _list(fields: Mapping[str, Value], key: str) -> list[Value]:
    return fields[key].items if key in fields else []


def _read_numbers(value: Value) -> tuple[tuple[str, Decimal], ...]:
    return tuple((name, _get(value.entries, name, Value.number, Decimal(1))) for name in value.entries)
