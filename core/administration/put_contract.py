"""Putting contract versions. Putting the same version again changes nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.administration.inputs import ContractInput
from core.administration.rules.contracts import check_contract
from core.consumption.snapshots import mark_changed
from core.licenses.find import lock_license, named_license
from core.licenses.tables import Contract, id_of
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.text import decimal_text
from core.usage.late_usage import mark_late


def put_contract(session: Session, given: ContractInput, registry: Registry, now: datetime) -> Contract:
    """Add a contract version that is in force from a date on, and make the license's refresh due.

    Before that date earlier versions stay in force. A version with the date of an earlier one replaces it. History from
    the date on is measured again.

    Args:
        session: The caller commits it.
        given: The contract.
        registry: The installed meters, whose terms a contract may name.
        now: The time of the change.

    Returns:
        The new version, or the version that is in force already if it has the same content.

    Raises:
        InvalidInput: With every problem of the input, or if the license does not exist.
    """
    check_contract(given, registry.meters)
    license = named_license(session, given.license)
    license_id = id_of(license)
    # Transactions that add a version to this license come one after the other, so that numbers follow their order.
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
        terms={key: decimal_text(value) for key, value in given.terms},
        at_risk={key: decimal_text(ratio) for key, ratio in given.at_risk},
        alert_at={key: list(map(decimal_text, sorted(ratios))) for key, ratios in given.alert_at if ratios},
        warnings=given.warnings,
        expiry_notice_days=sorted(given.expiry_notice_days, reverse=True),
        quotas={meter: quota.to_document() for meter, quota in given.quotas},
        created_at=now,
    )
    same_day = [row for row in versions if row.effective_from == given.effective_from]
    if same_day and _content(same_day[-1]) == _content(contract):
        return same_day[-1]
    session.add(contract)
    session.flush()
    mark_changed(session, license_id)
    today = now.astimezone(ZoneInfo(license.time_zone)).date()
    if given.effective_from < today:
        mark_late(session, {license_id: given.effective_from})
    schedule_now(session, license_id, now)
    return contract


def _content(contract: Contract) -> tuple[object, ...]:
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
