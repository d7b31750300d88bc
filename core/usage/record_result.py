"""The result of recording a batch of events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.usage.events import RejectedEvent


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The numbers of accepted and duplicate events, and the rejected ones by their position in the request.

    `unknown` are the license keys of events whose license does not exist, by the position of the event.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: Sequence[RejectedEvent] = ()
    unknown: Mapping[int, str] = field(default_factory=dict)

    def with_rejected(self, more: Sequence[RejectedEvent]) -> "RecordResult":
        """Return the result with more rejected events."""
        if not more:
            return self
        return replace(self, rejected=sorted([*self.rejected, *more], key=lambda event: event.index))
