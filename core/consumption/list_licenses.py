"""Pages of licenses, in an order that stays stable while licenses are added."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col

from core.consumption.readings.status import SEVERITY, UsageStatus
from core.consumption.tables import Snapshot
from core.licenses.tables import LONGEST_NAME, License
from core.text import fold


class LicenseOrder(StrEnum):
    """WORST_FIRST: by status, then by key. KEY: by key."""

    WORST_FIRST = "WORST_FIRST"
    KEY = "KEY"


@dataclass(frozen=True, slots=True)
class LicenseCursor:
    """The position of a license in the order."""

    severity: int
    key: str


def list_licenses(
    session: Session,
    *,
    order: LicenseOrder,
    most: int,
    after: LicenseCursor | None = None,
    statuses: Collection[UsageStatus] | None = None,
    search: str | None = None,
) -> list[tuple[int, LicenseCursor]]:
    """List licenses after a position.

    Args:
        session: The session of a transaction.
        order: The order of the list.
        most: The most licenses to return.
        after: The position after which the list begins, or None for its beginning.
        statuses: The statuses of the licenses to list, or None for all.
        search: A part of a key or name, in any case, or None for all.

    Returns:
        The ids of licenses with their positions.
    """
    if search and (
        "\0" in search or len(search) > LONGEST_NAME
    ):  # no key or name holds such a text, and databases refuse it
        return []
    severity, key = col(Snapshot.severity), col(Snapshot.license_key)
    statement = sa.select(col(Snapshot.license_id), severity, key)
    if statuses is not None:
        statement = statement.where(severity.in_({SEVERITY[status] for status in statuses}))
    if search:
        like = "%" + fold(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        statement = statement.join(License, col(License.id) == col(Snapshot.license_id)).where(
            col(License.search).like(like, escape="\\")
        )
    if order is LicenseOrder.WORST_FIRST:
        if after is not None:
            statement = statement.where(
                sa.or_(severity < after.severity, sa.and_(severity == after.severity, key > after.key))
            )
        statement = statement.order_by(severity.desc(), key)
    else:
        if after is not None:
            statement = statement.where(key > after.key)
        statement = statement.order_by(key)
    return [(row[0], LicenseCursor(row[1], row[2])) for row in session.execute(statement.limit(most))]
