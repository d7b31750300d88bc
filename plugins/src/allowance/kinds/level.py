"""A level: the newest reported value, added up over entities and dimensions."""

from dataclasses import dataclass

from allowance.events import EventType
from allowance.kinds.breakdown import shares
from allowance.license import Contract, License
from allowance.meter import Meter
from allowance.reading import Reading
from allowance.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Level(Meter):
    """Stands at the newest value by the event's own time; events are of the type ``<key>.level``.

    Reported by entity and by the values of `by`; the meter adds them up. Unknown until first reported.

    Example::

        Level(
            key="forms", section="web", title="Forms",
            description="Active forms and landing pages.", unit="forms", limit="forms",
        )
    """

    @property
    def event(self) -> str:
        """The type of its events."""
        return f"{self.key}.level"

    def events(self) -> tuple[EventType, ...]:
        return (EventType(self.event, "level", self.by),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        return Reading(
            used=usage.level(self.event),
            limit=self.limit_of(contract),
            shares=shares(self.by, lambda by: usage.levels(self.event, by=by)),
        )
