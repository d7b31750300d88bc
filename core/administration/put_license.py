"""Putting licenses. Putting the same license again changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, case, literal
from sqlmodel import Session, col, delete, insert, or_, select

from core.addresses.mail_address import mailbox_of
from core.administration.admin_mail import subscribe_mailboxes
from core.administration.correct_zone import correct_zone
from core.administration.inputs import AdminInput, LicenseInput
from core.administration.rules.licenses import MOST_ADMINS, check_license
from core.consumption.snapshots import insert_snapshot, mark_changed
from core.database.dialect import insert_into
from core.errors import InputProblem, InvalidInput
from core.left_out import LEFT_OUT, resolve
from core.licenses.find import lock_license
from core.licenses.tables import License, LicenseAdmin, alphabetical, id_of, searchable
from core.queue.queue import schedule_now

_COLUMNS: Final = {
    "name": col(License.name),
    "time_zone": col(License.time_zone),
    "search": col(License.search),
    "name_order": col(License.name_order),
    "contact_name": col(License.contact_name),
    "contact_email": col(License.contact_email),
    "contact_url": col(License.contact_url),
}
_TIME_ZONE: Final = "UTC"
"""The time zone of a license unless its input states another."""


def put_license(session: Session, given: LicenseInput, now: datetime, most_admins: int = MOST_ADMINS) -> License:
    """Create a license or change it, and make its refresh due.

    The days of usage follow a new time zone as far as the ledger holds the usage, see :mod:`core.usage.rezone`. A
    license with many events is corrected by its refresh.

    Fields that the input leaves out keep their value. A new license is in UTC unless the input states another zone.

    Args:
        session: The caller commits it.
        given: The license and the fields to change.
        now: The time of the change.
        most_admins: The largest number of admins.

    Raises:
        InvalidInput: With every problem of the input, or if a new license has no name.
    """
    check_license(given, most_admins)
    changes: dict[str, str | None] = {}
    if isinstance(given.name, str):
        changes |= {
            "name": given.name,
            "search": searchable(given.key, given.name),
            "name_order": alphabetical(given.name),
        }
    elif session.exec(select(License.id).where(License.key == given.key)).first() is None:
        raise InvalidInput([InputProblem("MISSING", "name is missing.", ("name",))])
    if given.time_zone is not LEFT_OUT:
        changes["time_zone"] = given.time_zone or _TIME_ZONE
    if given.contact is not LEFT_OUT:
        contact = given.contact
        changes |= {
            "contact_name": contact.name if contact else None,
            "contact_email": contact.email if contact else None,
            "contact_url": contact.url if contact else None,
        }
    # A license that exists keeps its name: the key stands in for it, since the database checks the row first.
    row = {"key": given.key, "name": given.key, "time_zone": _TIME_ZONE, "created_at": now, **changes}
    statement = insert_into(session, License).values(row)
    # One statement, so that two callers that put the same new license at once both succeed.
    upsert = (
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                **changes,
                "zone_changed_at": _zone_changed_at(changes.get("time_zone"), now),
                "revision": col(License.revision) + 1,
            },
            where=or_(*(_COLUMNS[name].is_distinct_from(value) for name, value in changes.items())),
        )
        if changes
        else statement.on_conflict_do_nothing()
    )
    changed = session.execute(upsert.returning(col(License.zone_changed_at))).first()
    license = session.exec(
        select(License).where(License.key == given.key).execution_options(populate_existing=True)
    ).one()
    license_id = id_of(license)
    if changed:
        mark_changed(session, license_id)
    insert_snapshot(session, license_id, given.key)
    if given.admins is not LEFT_OUT:
        _put_admins(session, license_id, given.admins or (), now)
    if changed and changed.zone_changed_at == now:
        correct_zone(session, license, now)
    schedule_now(session, license_id, now)
    return license


def _zone_changed_at(time_zone: str | None, now: datetime) -> ColumnElement[datetime | None]:
    """Return the time of the last change of the time zone: now if the license has another zone than the given one."""
    before: ColumnElement[datetime | None] = License.__table__.c.zone_changed_at  # type: ignore[attr-defined]
    return case((col(License.time_zone) != time_zone, literal(now, before.type)), else_=before) if time_zone else before


def _put_admins(session: Session, license_id: int, admins: Sequence[AdminInput], now: datetime) -> None:
    """Replace the admins of a license. An admin who stays keeps the name and the language that are left out.

    An admin who comes, also one who was removed before, is subscribed, and gets an e-mail about the open alerts of
    which no admin got one. Spellings of one mailbox are one admin here.
    """
    lock_license(session, license_id)
    stored = {row.email: row for row in session.exec(select(LicenseAdmin).where(LicenseAdmin.license_id == license_id))}
    mailboxes = {mailbox_of(email): row for email, row in stored.items()}
    rows = []
    for admin in admins:
        known = stored.get(admin.email) or mailboxes.get(mailbox_of(admin.email))
        rows.append(
            {
                "license_id": license_id,
                "email": admin.email,
                "name": resolve(admin.name, known and known.name, None),
                "language": resolve(admin.language, known and known.language, None),
            }
        )
    session.exec(delete(LicenseAdmin).where(col(LicenseAdmin.license_id) == license_id))
    if rows:
        session.execute(insert(LicenseAdmin), rows)
    newcomers = {mailbox_of(admin.email) for admin in admins} - mailboxes.keys()
    if newcomers:
        subscribe_mailboxes(session, license_id, newcomers, now)
