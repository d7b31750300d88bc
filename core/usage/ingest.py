"""Taking usage events from a caller: checked, recorded, committed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import DataError, IntegrityError

from core.access.keys import Caller, Scope
from core.errors import BadInput, TooLarge
from core.runtime import Runtime
from core.usage.events import Rules, check_events
from core.usage.record import Recorded, record


class TotalTooLarge(BadInput):
    """A sum would pass what can be counted exactly; nothing of the batch was recorded."""

    code = "TOTAL_TOO_LARGE"


def ingest(runtime: Runtime, caller: Caller, raws: Sequence[object], now: datetime) -> Recorded:
    """Record what can be recorded, in one transaction that is committed when this returns.

    Raises :class:`core.errors.Forbidden` without the scope, :class:`TooLarge` for too many events at once.
    """
    caller.require(Scope.USAGE_WRITE)
    if len(raws) > runtime.settings.max_events:
        raise TooLarge(f"{len(raws)} events at once; {runtime.settings.max_events} at most. Send them in parts.")
    rules = Rules(
        event_types=runtime.registry.event_types,
        now=now,
        window=runtime.settings.dedup_window,
        tolerance=timedelta(seconds=runtime.settings.future_tolerance_seconds),
        may_write=caller.may_reach,
    )
    events, rejected = check_events(raws, rules)
    if not events:
        return Recorded(rejected=rejected)
    try:
        with runtime.database.write() as session:
            recorded = record(session, events, now)
    except (IntegrityError, DataError) as error:
        if "usage_sum_in_range" not in str(error.orig):
            raise
        raise TotalTooLarge("A day's total would pass 4.6e18. Nothing was recorded; check the quantities.") from None
    recorded.rejected = sorted([*rejected, *recorded.rejected], key=lambda one: one.index)
    return recorded
