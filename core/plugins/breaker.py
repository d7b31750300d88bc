"""The circuit breaker of meters: a meter that costs its process pauses, longer with each failure in a row.

The pauses are in the database, so that they hold across calls, licenses and processes, and begin and end by its clock:
those of workers differ. Of the codes of failures, those
count that took a deadline or a process. A meter that only raises an error costs nearly nothing, and may fail for one
license alone. A meter whose pause is over is asked again; a success ends the pause, and a failure doubles it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from allowance import Meter
from sqlmodel import Session, col, select

from core.database.leases import claim_time
from core.plugins.tables import KnownPlugin, MeterPause
from core.times import EPOCH

FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses at a moment.

    Attributes:
        meters: The pauses of meters that failed, by meter, also those that are over.
        plugins: The names of plugins that an operator paused.
        at: The moment, by the clock of the database.
    """

    meters: Mapping[str, MeterPause] = field(default_factory=dict)
    plugins: frozenset[str] = frozenset()
    at: datetime = EPOCH

    def until(self, meter: str) -> datetime | None:
        """Return the end of the pause of a meter, or None if it does not pause at the moment."""
        pause = self.meters.get(meter)
        return pause.until if pause and pause.until > self.at else None

    def is_paused(self, plugin: str) -> bool:
        """Return whether an operator paused the plugin of that name."""
        return plugin in self.plugins

    def of_meters(self, meters: Iterable[Meter]) -> list[MeterPause]:
        """Return the pauses of those of the meters that failed."""
        return [self.meters[meter.key] for meter in meters if meter.key in self.meters]


def load_pauses(session: Session) -> Pauses:
    """Load all pauses."""
    paused = select(KnownPlugin.name).where(col(KnownPlugin.paused_at).is_not(None))
    pauses = {pause.meter: pause for pause in session.exec(select(MeterPause))}
    session.expunge_all()
    return Pauses(pauses, frozenset(session.exec(paused)), claim_time(session))


def pause_of(failures: int) -> timedelta:
    """Return the length of the pause after a number of failures in a row, 1 at least."""
    doubled = 1 << min(failures - 1, 30)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


def record_outcomes(session: Session, failed: Mapping[str, str], measured: Collection[str]) -> None:
    """Begin or prolong the pauses of meters that failed, and end those of meters that were measured.

    Args:
        session: The session of a transaction that writes.
        failed: The codes of the failures, by meter.
        measured: The meters that were measured without a failure that counts.
    """
    end_pauses(session, measured)
    rows = select(MeterPause).where(col(MeterPause.meter).in_(failed)).order_by(MeterPause.meter).with_for_update()
    known = {pause.meter: pause for pause in session.exec(rows)}
    now = claim_time(session)
    for meter, code in sorted(failed.items()):
        pause = known.get(meter)
        if pause is None:
            pause = MeterPause(meter=meter, failures=0, code=code, since=now, until=now)
        elif pause.until > now:
            continue  # several processes asked it at the same time
        pause.failures, pause.code = pause.failures + 1, code
        pause.until = now + pause_of(pause.failures)
        session.merge(pause)


def end_pauses(session: Session, meters: Collection[str]) -> None:
    """End the pauses of meters."""
    if meters:
        session.execute(sa.delete(MeterPause).where(col(MeterPause.meter).in_(meters)))
