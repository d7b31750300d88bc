"""Putting licenses. Putting the same license again changes nothing."""

from datetime import datetime

from sqlmodel import Session, col, delete, or_, select

from core.administration.inputs import LicenseInput
from core.administration.rules.licenses import check_license
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.consumption.snapshots import mark_changed
from core.consumption.tables import Snapshot
from core.database.dialect import insert_into
from core.licenses.tables import License, LicenseAdmin, id_of
from core.queue.queue import schedule_now


def put_license(session: Session, given: LicenseInput, now: datetime) -> License:
    """Create a license or change it, and make its refresh due.

    A new time zone applies to usage that comes in from now on. Days that were counted before keep their sums.

    Args:
        session: The caller commits it.
        given: The license as it shall be.
        now: The time of the change.

    Raises:
        InvalidInput: With every problem of the input.
    """
    check_license(given)
    row = {"key": given.key, "name": given.name, "time_zone": given.time_zone, "created_at": now}
    statement = insert_into(session, License).values(row)
    # One statement, so that two callers that put the same new license at once both succeed.
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
            LicenseAdmin(license_id=license_id, email=admin.email, name=admin.name, language=admin.language)
            for admin in given.admins
        )
    schedule_now(session, license_id, now)
    return license
