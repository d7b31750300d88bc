"""Putting contract versions. Putting the same version again changes nothing."""

import logging
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.administration.contract_content import decimal_texts, quota_documents, ratio_texts
from core.administration.contract_versions import lock_versions
from core.administration.inputs import ContractInput
from core.administration.rules.contracts import check_contract
from core.consumption.snapshots import mark_changed
from core.errors import InputProblem, InvalidInput
from core.left_out import LEFT_OUT, resolve
from core.licenses.billing import CONTRACT_DATE
from core.licenses.find import find_license, unknown_license
from core.licenses.in_force import newest_version, version_in_force
from core.licenses.revision import raise_revision
from core.licenses.tables import EXPIRY_NOTICE_DAYS, Contract, ContractVersion, id_of
from core.plugins.registry import Registry
from core.queue.queue import schedule_now
from core.usage.late_usage import mark_late

logger = logging.getLogger(__name__)

MOST_VERSIONS: Final = 1000
"""The default of the setting `max_contract_versions`."""
_FIRST: Final = ContractVersion(
    license_id=0,
    version=0,
    effective_from=date.min,
    starts_on=date.min,
    billing_period="P1Y",
    anchor=CONTRACT_DATE,
    terms={},
    at_risk={},
    warnings=False,
)
"""The values that the first version of a contract has unless its input states others, and that null returns to."""


def put_contract(
    session: Session,
    given: ContractInput,
    registry: Registry,
    now: datetime,
    most_versions: int = MOST_VERSIONS,
) -> Contract:
    """Add a contract version that is in force from a date on, and make the license's refresh due.

    A field that the input leaves out keeps the value of the newest version by that date, ended or not; only an end that
    has passed is not kept. Before that date earlier versions stay in force. A version with the date of an earlier
    one replaces it. Once the version has ended, no contract is in force: earlier versions do not come back. History
    from the date on is measured again.

    A term that no installed meter knows is accepted, and logged, if the version with the same date has the same value:
    a plugin that is gone stops nobody's import.

    Args:
        session: The caller commits it.
        given: The contract.
        registry: The installed meters, whose terms a contract may name.
        now: The time of the change.
        most_versions: The largest number of versions, also withdrawn ones.

    Returns:
        The new version, or the version that is in force already if it has the same content.

    Raises:
        InvalidInput: With every problem of the input, or if the license does not exist.
    """
    license = find_license(session, given.license)
    versions = lock_versions(session, id_of(license)) if license else []
    standing = [row for row in versions if row.withdrawn_at is None]
    same_day = [row for row in standing if row.effective_from == given.effective_from]
    unknown = check_contract(given, registry.meters, same_day[-1] if same_day else None)
    if license is None:
        raise unknown_license(given.license)
    for problem in unknown:
        logger.warning("contract of license %s from %s: %s", given.license, given.effective_from, problem)
    license_id = id_of(license)
    newest = newest_version(standing, given.effective_from) or _FIRST
    contract = _new_version(license_id, len(versions) + 1, given, newest, now)
    if same_day and _content(same_day[-1]) == _content(contract):
        return same_day[-1]
    if len(versions) >= most_versions:
        message = (
            f"The contract has {len(versions)} versions, and {most_versions} are allowed; an operator can raise "
            "ALLOWANCE_MAX_CONTRACT_VERSIONS."
        )
        raise InvalidInput([InputProblem("TOO_MANY_VERSIONS", message, ("effectiveFrom",))])
    session.add(contract)
    session.flush()
    mark_changed(session, license_id)
    raise_revision(session, license_id)
    today = now.astimezone(ZoneInfo(license.time_zone)).date()
    if given.effective_from < today:
        mark_late(session, {license_id: given.effective_from})
    schedule_now(session, license_id, now)
    return contract


def _new_version(
    license_id: int, number: int, given: ContractInput, newest: ContractVersion, now: datetime
) -> Contract:
    """Return the version that an input makes of the newest version on its date."""
    in_force = version_in_force([newest], given.effective_from)
    at_risk, alert_at, forecast_at, quotas = given.at_risk, given.alert_at, given.forecast_at, given.quotas
    notice_days = resolve(given.expiry_notice_days, tuple(newest.expiry_notice_days), EXPIRY_NOTICE_DAYS)
    return Contract(
        license_id=license_id,
        version=number,
        effective_from=given.effective_from,
        ends_on=resolve(given.ends_on, in_force.ends_on if in_force else None, None),
        starts_on=given.starts_on,
        billing_period=resolve(given.billing_period, newest.billing_period, _FIRST.billing_period),
        anchor=resolve(given.anchor, newest.anchor, _FIRST.anchor),
        terms=decimal_texts(given.terms),
        at_risk=newest.at_risk if at_risk is LEFT_OUT else decimal_texts(at_risk or ()),
        alert_at=newest.alert_at if alert_at is LEFT_OUT else ratio_texts(alert_at or ()),
        forecast_at=newest.forecast_at if forecast_at is LEFT_OUT else ratio_texts(forecast_at or ()),
        warnings=resolve(given.warnings, newest.warnings, _FIRST.warnings),
        expiry_notice_days=sorted(notice_days, reverse=True),
        quotas=newest.quotas if quotas is LEFT_OUT else quota_documents(quotas or ()),
        created_at=now,
    )


def _content(contract: Contract) -> tuple[object, ...]:
    return (
        contract.ends_on,
        contract.starts_on,
        contract.billing_period,
        contract.anchor,
        contract.terms,
        contract.at_risk,
        contract.alert_at,
        contract.forecast_at,
        contract.warnings,
        contract.expiry_notice_days,
        {meter: quota for meter, quota in contract.quotas.items() if quota},
    )
