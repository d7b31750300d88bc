"""Putting licenses, contract versions and grants. Putting the same again changes nothing."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from allowance import Credits
from sqlmodel import Session, col, delete, or_, select

from core.administration.answer_request import answer_request, require_answered
from core.administration.inputs import ContractInput, GrantInput, LicenseInput
from core.administration.rules.contracts import check_contract
from core.administration.rules.credits import check_grant
from core.administration.rules.licenses import check_license
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.consumption.snapshots import mark_changed
from core.consumption.tables import Snapshot
from core.database.dialect import insert_into
from core.errors import InputProblem, InvalidInput
from core.licenses.find import lock_license, named_license
from core.licenses.tables import Contract, Grant, License, LicenseAdmin, id_of
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.text import shown
from core.usage.record import mark_late


def put_license(session: Session, given: LicenseInput, now: datetime) -> License:
    """Make the license or change it. Raises :class:`InvalidInput`.

    A new time zone holds for what comes in from now on; days that were counted stay where they fell.
    """
    check_license(given)
    row = {"key": given.key, "name": given.name, "time_zone": given.time_zone, "created_at": now}
    statement = insert_into(session, License).values(row)
    # One statement, so that two who put the same new license at once both succeed.
    changed = session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={"name": given.name, "time_zone": given.time_zone},
            where=or_(col(License.name) != given.name, col(License.time_zone) != given.time_zone),
        ).returning(col(License.id))
    ).first()
    license = session.exec(
        select(License).where(License.key == given.key).execution_options(populate_existing=True)
    ).one()
    license_id = id_of(license)
    if changed:
        mark_changed(session, license_id)
    session.execute(
        insert_into(session, Snapshot)
        .values(
            license_id=license_id, license_key=given.key, version=0, severity=SEVERITY[UsageStatus.UNKNOWN], readings={}
        )
        .on_conflict_do_nothing()
    )
    if given.admins is not None:
        session.exec(delete(LicenseAdmin).where(col(LicenseAdmin.license_id) == license_id))
        session.add_all(
            LicenseAdmin(license_id=license_id, email=one.email, name=one.name, language=one.language)
            for one in given.admins
        )
    schedule_now(session, license_id, now)
    return license


def put_contract(session: Session, given: ContractInput, registry: Registry, now: datetime) -> Contract:
    """Add a contract version from a date on; before it the earlier versions hold. Raises :class:`InvalidInput`.

    A version with the same date as an earlier one takes its place. History from the date on is measured
    again.
    """
    check_contract(given, registry.meters)
    license = named_license(session, given.license)
    license_id = id_of(license)
    # It gives versions their order.
    lock_license(session, license_id)
    versions = session.exec(
        select(Contract).where(Contract.license_id == license_id).order_by(col(Contract.version))
    ).all()
    contract = Contract(
        license_id=license_id,
        version=len(versions) + 1,
        effective_from=given.effective_from,
        starts_on=given.starts_on,
        billing_period=given.billing_period,
        anchor=given.anchor,
        terms={key: _written(value) for key, value in given.terms},
        at_risk={key: _written(ratio) for key, ratio in given.at_risk},
        alert_at={key: list(map(_written, sorted(ratios))) for key, ratios in given.alert_at if ratios},
        warnings=given.warnings,
        expiry_notice_days=sorted(given.expiry_notice_days, reverse=True),
        quotas={meter: quota.to_document() for meter, quota in given.quotas},
        created_at=now,
    )
    same_day = [row for row in versions if row.effective_from == given.effective_from]
    if same_day and _says(same_day[-1]) == _says(contract):
        return same_day[-1]
    session.add(contract)
    session.flush()
    mark_changed(session, license_id)
    today = now.astimezone(ZoneInfo(license.time_zone)).date()
    if given.effective_from < today:
        mark_late(session, {license_id: given.effective_from})
    schedule_now(session, license_id, now)
    return contract


def grant_credits(session: Session, given: GrantInput, registry: Registry, now: datetime) -> Grant:
    """Grant credits; granting the same id twice grants once. Raises :class:`InvalidInput`.

    It answers the request for credits that it names, or else the oldest open one for the same meter and entity.
    """
    meter = check_grant(given, credit_meters(registry), now)
    license = named_license(session, given.license)
    license_id = id_of(license)
    lock_license(session, license_id)
    grant = Grant(
        license_id=license_id,
        id=given.id,
        meter=meter,
        amount=given.amount,
        entity=given.entity,
        granted_at=given.granted_at or now,
        expires_at=given.expires_at,
        note=given.note,
    )
    inserted = session.execute(
        insert_into(session, Grant).values(grant.model_dump()).on_conflict_do_nothing().returning(col(Grant.id))
    ).first()
    if inserted is None:
        known = session.exec(select(Grant).where(Grant.license_id == license_id, Grant.id == given.id)).one()
        grant.granted_at = given.granted_at or known.granted_at
        if known.model_dump() != grant.model_dump():
            message = f"A grant {shown(given.id)} was made before with other content. Give each grant its own id."
            raise InvalidInput([InputProblem("ID_CONFLICT", message, ("id",))])
        if given.request is not None:
            require_answered(session, known, given.request)
        return known
    mark_changed(session, license_id)
    answer_request(session, grant, given.request, now)
    today = now.astimezone(ZoneInfo(license.time_zone)).date()
    granted_on = grant.granted_at.astimezone(ZoneInfo(license.time_zone)).date()
    if granted_on < today:
        mark_late(session, {license_id: granted_on})
    schedule_now(session, license_id, now)
    return grant


def credit_meters(registry: Registry) -> list[str]:
    """The keys of the meters that grants may be for."""
    return [key for key, meter in registry.meters.items() if isinstance(meter, Credits)]


def _written(number: Decimal) -> str:
    """The same for equal numbers, so that 12 and 12.0 are no change."""
    return f"{number.normalize():f}"


def _says(contract: Contract) -> tuple[object, ...]:
    return (
        contract.starts_on,
        contract.billing_period,
        contract.anchor,
        contract.terms,
        contract.at_risk,
        contract.alert_at,
        contract.warnings,
        contract.expiry_notice_days,
        {meter: quota for meter, quota in contract.quotas.items() if quota},
    )
