"""Withdrawing contract versions. Withdrawing the same version again changes nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.administration.contract_versions import lock_versions
from core.consumption.snapshots import mark_changed
from core.errors import InputProblem, InvalidInput
from core.licenses.find import named_license
from core.licenses.revision import raise_revision
from core.licenses.tables import id_of
from core.queue.queue import schedule_now
from core.text import shown
from core.usage.late_usage import mark_late


def withdraw_contract(session: Session, license: str, version: int, *, begun: bool, by: str, now: datetime) -> None:
    """Take back a contract version as if it had never been put, and make the license's refresh due.

    What was in force before the version is in force again. History from the version's first day on is measured again.
    The row stays, with who withdrew it, and its number is not used again.

    Args:
        session: The caller commits it.
        license: The key of the license.
        version: The number of the version.
        begun: Whether a version that has begun may be withdrawn as well.
        by: The name of the API key or command that withdraws it.
        now: The time of the change.

    Raises:
        InvalidInput: The license or the version does not exist, or the version has begun and `begun` is False.
    """
    row = named_license(session, license)
    license_id = id_of(row)
    versions = lock_versions(session, license_id)
    contract = next((each for each in versions if each.version == version), None)
    if contract is None:
        numbers = ", ".join(str(each.version) for each in versions[-20:]) or "none"
        message = f"No contract version {version} of license {shown(license)}. Its versions are: {numbers}."
        raise InvalidInput([InputProblem("UNKNOWN_VERSION", message, ("version",))])
    if contract.withdrawn_at is not None:
        return
    today = now.astimezone(ZoneInfo(row.time_zone)).date()
    if contract.effective_from <= today and not begun:
        message = f"Version {version} has begun on {contract.effective_from}. Set begun to withdraw it nevertheless."
        raise InvalidInput([InputProblem("CONTRACT_BEGUN", message, ("version",))])
    contract.withdrawn_at, contract.withdrawn_by = now, by
    session.add(contract)
    session.flush()
    mark_changed(session, license_id)
    raise_revision(session, license_id)
    if contract.effective_from < today:
        mark_late(session, {license_id: contract.effective_from})
    schedule_now(session, license_id, now)
