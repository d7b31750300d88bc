"""The days of which the ledger has dropped events: nobody can know whether an old event of these was counted."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from core.database.dialect import parts
from core.licenses.tables import License
from core.text import shown
from core.times import EPOCH
from core.usage.bounds import DEFAULT_BOUNDS, UsageBounds
from core.usage.events import RejectedEvent, UsageEvent
from core.usage.ledger_rows import prepare_rows
from core.usage.recount import complete_from
from core.usage.tables import ImportedFile, LedgerEvent, UsageSum

NAMED: Final = 3
"""The most earlier imports that a rejection names."""
_SEARCHED: Final = 100
"""The newest earlier imports, among which these are chosen."""

_DAY: Final = timedelta(days=1)
_NEIGHBOURS: Final = range(-2, 3)
"""An instant is of days that differ by two at the most, in whatever time zones."""


class DroppedDays:
    """The days of each license and series of which the ledger holds fewer events than were counted.

    They are read once for a license, and again when the ledger has dropped a segment: a backfill adds as many events to
    the ledger as to the count. So the cost does not grow with the number of transactions of an import.

    Dropped events keep the day of the time zone that the license had. If the time zone changed since, the event of a
    file may be of a neighbouring day, so these days count as well.
    """

    def __init__(self, digest: str, name: str, bounds: UsageBounds = DEFAULT_BOUNDS) -> None:
        """Begin with nothing read.

        Args:
            digest: The digest of the file that is imported.
            name: The name of the file. Earlier imports of a file of this name are named before others.
            bounds: The bounds of :func:`core.usage.record.record`.
        """
        self._file = digest, name
        self._bounds = bounds
        self._imports: list[ImportedFile] | None = None
        self._complete: date | None = None
        self._days: dict[int, set[tuple[int, date]]] = {}

    def reject(self, session: Session, events: Sequence[UsageEvent]) -> list[RejectedEvent]:
        """Return the rejections of events that the ledger does not hold, but that may have been counted.

        A level is never rejected, as it cannot count twice.
        """
        complete = complete_from(session)
        if complete != self._complete:
            self._days.clear()
            self._complete = complete
        if complete is None:
            return []
        made, _ = prepare_rows(session, [events], self._bounds)
        uncertain = [
            (event, row)
            for _, event, row in made.events
            if event.kind != "level"
            and (day := EPOCH.date() + timedelta(days=row.day)) < complete
            and (row.series_id, day) in self._of(session, row.license_id, complete)
        ]
        held = _held(session, {(row.license_id, row.source, row.id) for _, row in uncertain})
        days = [
            (event, EPOCH.date() + timedelta(days=row.day))
            for event, row in uncertain
            if (row.license_id, row.source, row.id) not in held
        ]
        return [_maybe_counted(event, day, self._imports_since(session, day)) for event, day in days]

    def _imports_since(self, session: Session, day: date) -> list[ImportedFile]:
        """Return the earlier imports that may have brought in events of a day, the likeliest first."""
        digest, name = self._file
        if self._imports is None:
            newest = (
                select(ImportedFile)
                .where(ImportedFile.digest != digest, ImportedFile.accepted > 0)
                .order_by(col(ImportedFile.started_at).desc())
                .limit(_SEARCHED)
            )
            self._imports = sorted(session.exec(newest), key=lambda file: file.name != name)
        # The day is of the license's time zone, which may be a day ahead.
        return [file for file in self._imports if file.started_at.date() >= day - timedelta(days=1)][:NAMED]

    def _of(self, session: Session, license_id: int, complete: date) -> set[tuple[int, date]]:
        if license_id not in self._days:
            counted = sa.func.sum(UsageSum.events)
            in_rollup = self._counts(session, UsageSum, counted, license_id, complete)
            in_ledger = self._counts(session, LedgerEvent, sa.func.count(), license_id, complete)
            changed_at = session.exec(select(License.zone_changed_at).where(License.id == license_id)).one()
            self._days[license_id] = {
                (series_id, day + neighbour * _DAY)
                for (series_id, day), count in in_rollup.items()
                if count > in_ledger.get((series_id, day), 0)
                for neighbour in (_NEIGHBOURS if changed_at else (0,))
            }
        return self._days[license_id]

    @staticmethod
    def _counts(
        session: Session,
        table: type[UsageSum] | type[LedgerEvent],
        count: sa.ColumnElement[int],
        license_id: int,
        complete: date,
    ) -> dict[tuple[int, date], int]:
        statement = (
            sa.select(col(table.series_id), col(table.day), count)
            .where(col(table.license_id) == license_id, col(table.day) < complete)
            .group_by(col(table.series_id), col(table.day))
        )
        return {(series_id, day): int(number) for series_id, day, number in session.execute(statement)}


def _held(session: Session, keys: set[tuple[int, str, str]]) -> set[tuple[int, str, str]]:
    table = LedgerEvent
    key = sa.tuple_(col(table.license_id), col(table.source), col(table.id))
    columns = (col(table.license_id), col(table.source), col(table.id))
    return {
        (license_id, source, id)
        for part in parts(keys)
        for license_id, source, id in session.exec(select(*columns).where(key.in_(part)))
    }


def _maybe_counted(event: UsageEvent, day: date, imports: Sequence[ImportedFile]) -> RejectedEvent:
    named = ", ".join(f"{shown(file.name)} on {file.started_at:%Y-%m-%d}" for file in imports)
    return RejectedEvent(
        event.position,
        event.id,
        "MAYBE_COUNTED",
        f"{shown(event.type)} of {day} was counted before, and the ledger has dropped events of that day since, so "
        f"{shown(event.id)} of {shown(event.source)} could count twice."
        + (f" It may have come in with an earlier import: {named}." if named else ""),
    )
