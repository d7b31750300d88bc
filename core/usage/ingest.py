"""Taking usage events from a caller: checked, recorded, committed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.access.keys import Caller, Scope
from core.errors import TooLarge
from core.runtime import Runtime
from core.usage.events import Rules, check_events
from core.usage.record import Recorded, record


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
    with runtime.database.write() as session:
        recorded = record(session, events, now)
    recorded.rejected = sorted([*rejected, *recorded.rejected], key=lambda one: one.index)
    return recorded
