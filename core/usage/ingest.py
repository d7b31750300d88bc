"""Taking usage events from a caller: checked here, committed together with what other callers bring."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from core.access.keys import Caller, Scope
from core.errors import TooLarge
from core.plugins.registry import Registry
from core.settings import Settings
from core.usage.committer import Committer
from core.usage.events import RejectedEvent, Rules, UsageEvent, check_events
from core.usage.record import Recorded


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Events that were taken: those refused at the door, and the others on their way."""

    rejected: list[RejectedEvent]
    underway: Future[Recorded]

    def joined(self, recorded: Recorded) -> Recorded:
        """What became of all of them, once those underway were recorded."""
        rejected = sorted([*self.rejected, *recorded.rejected], key=lambda one: one.index)
        return Recorded(recorded.accepted, recorded.duplicates, rejected)

    def wait(self) -> Recorded:
        """What became of all of them; those accepted are committed when this returns."""
        return self.joined(self.underway.result())


Check: TypeAlias = Callable[[Iterable[object], Rules], tuple[list[UsageEvent], list[RejectedEvent]]]


def ingest(
    caller: Caller,
    raws: Sequence[object],
    now: datetime,
    *,
    registry: Registry,
    settings: Settings,
    committer: Committer,
    check: Check = check_events,
) -> Ingestion:
    """Check the events, by the rules of the form that they come in, and have them committed.

    Raises :class:`core.errors.Forbidden` without the scope, :class:`TooLarge` for too many events at once,
    :class:`core.errors.Overloaded` where too many wait already.
    """
    caller.require(Scope.USAGE_WRITE)
    if len(raws) > settings.max_events:
        raise TooLarge(f"{len(raws)} events at once; {settings.max_events} at most. Send them in parts.")
    rules = Rules(
        event_types=registry.event_types,
        now=now,
        window=settings.dedup_window,
        tolerance=settings.future_tolerance,
        may_write=caller.may_reach,
    )
    events, rejected = check(raws, rules)
    if events:
        return Ingestion(rejected, committer.submit(events, now))
    nothing: Future[Recorded] = Future()
    nothing.set_result(Recorded())
    return Ingestion(rejected, nothing)
