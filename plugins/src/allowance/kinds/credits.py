"""Credits: what was granted and has not expired, less what was spent."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from allowance.cells import Grant
from allowance.errors import InvalidDeclaration
from allowance.events import ENTITY, Dimension, EventType
from allowance.exact import exact
from allowance.kinds.breakdown import at_most
from allowance.license import Contract, License, midnight
from allowance.meter import Meter, in_words
from allowance.reading import MAX_SHARES, Limit, Reading, Share
from allowance.usage import Usage

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Credits(Meter):
    """A meter of prepaid credits: events of type `event` spend what was granted.

    Usage at an instant is paid by the grants that are valid at that instant. Events spend the grant that expires
    soonest first, and of equal ones the oldest. A grant that was made to an entity can be spent only by that entity;
    the entity spends it before a grant to the whole license of the same two instants. From the day on which an entity
    is merged into another, the two spend each other's grants. The limit is the sum of the
    grants that have not expired. `used` is what was spent of these grants, plus what was spent without any grant.
    `remaining` is the sum of what these grants have left, and `overage` is what was spent without any grant: both can
    be above 0, because the debt of an entity takes nothing from the grants of another. The status is EXCEEDED when
    something is owed, or when nothing is left of what was granted. It is OK when nothing granted is in force and
    nothing is owed.

    Example::

        Credits(
            key="sms_credits", section="sms", title="SMS credits",
            description="Credits left, over all entities.", unit="credits", event="sms.sent",
        )
    """

    event: str
    by: tuple[Dimension, ...] = (ENTITY,)
    days: int | None = None

    def __post_init__(self) -> None:
        """Check the declaration."""
        super().__post_init__()
        where = f"{type(self).__name__} {self.key}"
        if self.limit is not None:
            raise InvalidDeclaration(f"{where}: leave `limit` out; the limit is what was granted")
        if self.by != (ENTITY,):
            raise InvalidDeclaration(f"{where}: leave `by` out; credits are broken down by entity")
        if self.days is not None:
            raise InvalidDeclaration(f"{where}: leave `days` out; grants burn down over all days")

    def events(self) -> tuple[EventType, ...]:
        """Return the event type that spends the credits."""
        return (EventType(self.event, "counter", spends=True),)

    def measure(self, usage: Usage, license: License, contract: Contract) -> Reading:
        """Return the credits granted and used, with the rest of each grant in `grants`."""
        grants = usage.grants(self.key)
        burnt = burn_down(grants, usage, self.event)
        if not grants and not burnt.owed:
            return Reading(used=Decimal(0))
        current = {grant.id: grant for grant in grants if grant.expires_at is None or usage.at < grant.expires_at}
        with exact():
            granted = sum((grant.amount for grant in current.values()), Decimal(0))
            left = sum((burnt.left[key] for key in current), Decimal(0))
            owed = sum(burnt.owed.values(), Decimal(0))
            used = granted - left + owed
            shares = _by_entity(current, burnt, usage)
        return Reading(
            used=used,
            limit=Limit(granted, f"{in_words(granted)} credits granted and not expired", exhaustible=True),
            shares=shares,
            grants={grant.id: burnt.left[grant.id] if grant.id in current else Decimal(0) for grant in grants},
            remaining=left,
            overage=owed,
        )


@dataclass(frozen=True, slots=True)
class BurnDown:
    """The result of spending credits from grants.

    Attributes:
        left: The credits left of each grant, by the grant's id.
        taken: The credits that an entity spent of a grant, by (entity, grant id).
        owed: The credits that an entity spent without any grant, by entity; only those above zero.

    Corrections can make the spending of a day negative: credits come back, see :func:`burn_down`.
    """

    left: Mapping[str, Decimal]
    taken: Mapping[tuple[str, str], Decimal]
    owed: Mapping[str, Decimal]


def burn_down(grants: Iterable[Grant], usage: Usage, event: str) -> BurnDown:
    """Spend the usage of each instant and entity from the grants that are valid at that instant.

    A grant is valid from the instant at which it was made until the instant at which it expires. Grants are spent in
    the order of their expiry, then of their age; an entity's own grant comes before a shared one. Usage without a valid
    grant is owed: it is taken from the next grant that the entity may use. Between two instants at which grants begin
    or end, entities spend day by day, and on one day in the order of their names.

    If an entity spends less than nothing on a day, because of a correction, credits come back. They lower what the
    entity owes, then fill the grants that are valid at that instant with what the entity took from them, the grant that
    is spent last first. What is left then pays for the entity's next usage.

    Args:
        grants: The grants; those that begin after the instant of the measurement are not spent.
        usage: The usage, with all days loaded.
        event: The event type that spends credits.
    """
    order = sorted(
        grants,
        key=lambda grant: (grant.expires_at or _NEVER, grant.granted_at, grant.entity is None, grant.id),
    )
    zone = ZoneInfo(usage.time_zone)
    turns = {grant.granted_at for grant in order} | {grant.expires_at for grant in order if grant.expires_at}
    turns |= {
        midnight(entity.closed_from, usage.time_zone)
        for entity in usage.entities
        if entity.closed_from is not None and entity.into is not None
    }
    burnt = _Burning({grant.id: grant.amount for grant in order})
    is_corrected = usage.has_negative(event)
    with exact():
        # Between these instants the same grants are valid, and nothing changes but by what is spent.
        for since, until in pairwise([None, *sorted(turn for turn in turns if turn <= usage.at), None]):
            valid = [grant for grant in order if _is_valid(grant, since) and (is_corrected or burnt.left[grant.id])]
            begin = date.min if since is None else since.astimezone(zone).date()
            burnt.owner_of = partial(usage.owner_of, day=begin)
            if not is_corrected and burnt.take_at_once(valid, usage.spent_in_all(event, since, until, by="entity")):
                continue
            daily = usage.spent(event, since, until, by="entity")
            # What is owed is taken on the first day, also if nothing was spent on it.
            first = set() if since is None else {begin}
            for day in sorted(first | daily.keys()):
                burnt.take(valid, daily.get(day, {}))
    return BurnDown(burnt.left, burnt.taken, {entity: amount for entity, amount in burnt.owed.items() if amount > 0})


def _is_valid(grant: Grant, at: datetime | None) -> bool:
    """Return whether a grant can be spent at an instant; None for the time before all grants."""
    return at is not None and grant.granted_at <= at and (grant.expires_at is None or at < grant.expires_at)


class _Burning:
    """The state of spending: what is left of each grant, what was taken, and what is owed.

    An entity that owes less than nothing has credits from a correction for its next usage.
    """

    def __init__(self, left: dict[str, Decimal]) -> None:
        self.left = left
        self.taken: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.owed: dict[str, Decimal] = defaultdict(Decimal)
        self.owner_of: Callable[[str], str] = str

    def take(self, usable: Sequence[Grant], spent: Mapping[str, Decimal]) -> None:
        """Take what was spent, and what is still owed, from the usable grants in their order.

        Credits that come back are returned first, so that other entities can spend them on the same day.
        """
        for entity, amount in spent.items():
            self.owed[entity] += amount
        for entity in sorted(entity for entity, amount in self.owed.items() if amount < 0):
            self._give_back(usable, entity)
        for entity in sorted(entity for entity, amount in self.owed.items() if amount > 0):
            for grant in usable:
                if self._may_spend(entity, grant) and (part := min(self.owed[entity], self.left[grant.id])):
                    self.left[grant.id] -= part
                    self.owed[entity] -= part
                    self.taken[entity, grant.id] += part

    def _give_back(self, usable: Sequence[Grant], entity: str) -> None:
        """Return credits of an entity to the usable grants that it took from, in the reverse of their order."""
        for grant in reversed(usable):
            key = entity, grant.id
            if key in self.taken and (part := min(-self.owed[entity], self.taken[key])):
                self.left[grant.id] += part
                self.owed[entity] += part
                self.taken[key] -= part

    def take_at_once(self, usable: Sequence[Grant], spent: Mapping[str, Decimal]) -> bool:
        """Take what was spent over several days in one step, if no grant runs out on the way.

        Without a grant that runs out, the day on which something was spent makes no difference.

        Returns:
            Whether it was taken. If not, nothing has changed.
        """
        wanted: dict[str, Decimal] = defaultdict(Decimal)
        for entity in spent.keys() | self.owed.keys():
            first = next((grant.id for grant in usable if self._may_spend(entity, grant)), None)
            if first is not None:
                wanted[first] += spent.get(entity, Decimal(0)) + self.owed.get(entity, Decimal(0))
        if any(amount > self.left[key] for key, amount in wanted.items()):
            return False
        self.take(usable, spent)
        return True

    def _may_spend(self, entity: str, grant: Grant) -> bool:
        return grant.entity in (None, entity) or self.owner_of(grant.entity) == self.owner_of(entity)


def _by_entity(current: Mapping[str, Grant], burnt: BurnDown, usage: Usage) -> tuple[Share, ...]:
    """Return a share for each entity: what it spent of unexpired grants or owes; its limit is its own grants.

    The grants of an entity that was merged are those of the entity that it was merged into.

    What it spent of shared grants is in its usage, so what is left of its own grants does not follow from the two.
    """
    own: dict[str, Decimal] = defaultdict(Decimal)
    left: dict[str, Decimal] = defaultdict(Decimal)
    used: dict[str, Decimal] = defaultdict(Decimal)
    for grant in current.values():
        if grant.entity is not None:
            owner = usage.owner_of(grant.entity, usage.day)
            own[owner] += grant.amount
            left[owner] += burnt.left[grant.id]
    for (entity, grant_id), amount in burnt.taken.items():
        if grant_id in current:
            used[entity] += amount
    for entity, amount in burnt.owed.items():
        used[entity] += amount
    return at_most(
        MAX_SHARES,
        [
            Share(
                "entity",
                entity,
                usage.label_of(entity) or "Not specified",
                used.get(entity, Decimal(0)),
                own.get(entity),
                left.get(entity),
            )
            for entity in sorted(own.keys() | used.keys())
        ],
    )
