"""A level: the newest reported value, added up over entities and dimensions."""

from dataclasses import dataclass

from allowance.events import ENTITY, EventType
from allowance.kinds.breakdown import shares
from allowance.license import Contract, License
from allowance.meter import Meter
from allowance.reading import Reading, Share
from allowance.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Level(Meter):
    """A meter that shows the newest value that was reported, by the time in the event.

    Its events are of the type ``<key>.level``. Values are reported for each entity and each value of the dimensions
    in `by`; the meter adds them up. On demand every level is broken down by entity. The status is UNKNOWN until the
    first value is reported. A level without a limit that was never reported counts as not in the contract.

    Example::

        Level(
            key="forms", section="web", title="Forms",
            description="Active forms and landing pages.", unit="forms", limit="forms",
        )
    """

    @property
    def event(self) -> str:
        """The event type, ``<key>.level``."""
        return f"{self.key}.level"

    def events(self) -> tuple[EventType, ...]:
        """Return the event type that the level reads."""
        return (EventType(self.event, "level", self.by),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the newest values, added up."""
        return Reading(
            used=usage.level(self.event),
            limit=self.limit_of(contract),
            shares=shares(self.by, usage, lambda by: usage.levels(self.event, by=by)),
            by_entity=self._by_entity(usage),
        )

    def _by_entity(self, usage: Usage) -> tuple[Share, ...]:
        """Return the shares by entity; none if the meter has them among its shares, or if no entity was named."""
        if any(dimension.key == ENTITY.key for dimension in self.by):
            return ()
        found = shares((ENTITY,), usage, lambda by: usage.levels(self.event, by=by))
        return found if any(share.key for share in found) else ()
