"""The ingestion of usage events from callers.

Events take these steps:

1. :func:`ingest` checks each event by the rules of the caller and the clock (:mod:`core.usage.events`);
2. it submits the checked events to the :class:`core.usage.committer.Committer`, where they wait for the next
   transaction, together with those of other callers;
3. the committer calls :func:`core.usage.record.record_together`, which writes ledger and rollups in the transaction;
4. after the commit it answers each caller, and notes the licenses at :class:`core.queue.early_refresh.EarlyRefresh`.
"""

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
from core.usage.events import EventRules, RejectedEvent, UsageEvent, check_events
from core.usage.record_result import RecordResult


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Events of a request: those that the check rejected, and the result of the others once they are committed."""

    rejected: Sequence[RejectedEvent]
    recording: Future[RecordResult]

    def result_with(self, recorded: RecordResult) -> RecordResult:
        """Return the result of all events, from the result of those that were submitted."""
        return recorded.with_rejected(self.rejected)

    def wait(self) -> RecordResult:
        """Wait for the commit, and return the result of all events."""
        return self.result_with(self.recording.result())


EventCheck: TypeAlias = Callable[[Iterable[object], EventRules], tuple[list[UsageEvent], list[RejectedEvent]]]
"""A check of raw events in one format, see :func:`core.usage.events.check_events`."""


def ingest(
    caller: Caller,
    raws: Sequence[object],
    now: datetime,
    *,
    registry: Registry,
    settings: Settings,
    committer: Committer,
    check: EventCheck = check_events,
) -> Ingestion:
    """Check events, and submit those that may be recorded.

    Args:
        caller: The API key that the events were sent with.
        raws: The events as they came.
        now: The time of arrival.
        registry: The installed plugins, for the known event types.
        settings: The settings, for the limits of a request and of an event's time.
        committer: The committer of this process.
        check: The check for the format of the events.

    Raises:
        core.errors.Forbidden: The caller lacks the scope.
        TooLarge: The request has too many events.
        core.errors.Overloaded: Too many events wait for their commit.
    """
    caller.require(Scope.USAGE_WRITE)
    if len(raws) > settings.max_events:
        raise TooLarge(f"{len(raws)} events at once; {settings.max_events} at most. Send them in parts.")
    rules = EventRules(
        event_types=registry.event_types,
        now=now,
        window=settings.dedup_window,
        tolerance=settings.future_tolerance,
        may_write=caller.may_reach,
    )
    events, rejected = check(raws, rules)
    if not events:
        return Ingestion(rejected, _nothing_recorded())
    return Ingestion(rejected, committer.submit(events, now, sender=caller.account, suggests=caller.may_read))


def _nothing_recorded() -> Future[RecordResult]:
    future: Future[RecordResult] = Future()
    future.set_result(RecordResult())
    return future
