"""Credits: what was granted and has not expired, less what was spent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from allowance.cells import Grant
from allowance.errors import InvalidDeclaration
from allowance.events import ENTITY, Dimension, EventType
from allowance.exact import exact
from allowance.kinds.breakdown import at_most
from allowance.license import Contract, License, Period
from allowance.meter import Meter, in_words
from allowance.reading import MAX_SHARES, Limit, Reading, Share
from allowance.usage import Usage

_DAY: Final = timedelta(days=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Credits(Meter):
    """A meter of prepaid credits: events of type `event` spend what was granted.

    Events spend the grant that expires soonest first, and of equal ones the oldest. A grant that was made to an
    entity can be spent by that entity alone. The limit is the sum of the grants that have not expired. `used` is what
    was spent of these grants, plus what was spent without any grant. `remaining` is the sum of what these grants have
    left, and `overage` is what was spent without any grant: both can be above 0, because the debt of an entity takes
    nothing from the grants of another. The status is EXCEEDED when something is owed, or when nothing is left of what
    was granted. It is OK when nothing granted is in force and nothing is owed.

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
        return (EventType(self.event, "counter"),)

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
            shares = _by_entity(current, burnt)
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
    """

    left: Mapping[str, Decimal]
    taken: Mapping[tuple[str, str], Decimal]
    owed: Mapping[str, Decimal]


def burn_down(grants: Iterable[Grant], usage: Usage, event: str) -> BurnDown:
    """Spend the usage of each day and entity from the grants that are usable on that day.

    A grant is usable from its first day to its last. Grants are spent in the order of their expiry, then of their
    age; an entity's own grant comes before a shared one. Usage without a usable grant is owed: it is taken from the
    next grant that the entity may use.

    Args:
        grants: The grants made up to the instant of the measurement.
        usage: The usage, with all days loaded.
        event: The event type that spends credits.
    """
    order = sorted(
        grants,
        key=lambda grant: (grant.expires_at or _NEVER, grant.granted_at, grant.entity is None, grant.id),
    )
    begin = usage.loaded_from.get(event, date.min)
    turns = {grant.first_day for grant in order} | {grant.last_day + _DAY for grant in order if grant.expires_at}
    firsts = [begin, *sorted(turn for turn in turns if begin < turn <= usage.day)]
    burnt = _Burning({grant.id: grant.amount for grant in order})
    daily: Mapping[date, Mapping[str, Decimal]] | None = None
    with exact():
        # Between these days the same grants are usable, and nothing changes but by what is spent.
        for first, end in pairwise([*firsts, usage.day + _DAY]):
            usable = [grant for grant in order if burnt.left[grant.id] and grant.first_day <= first <= grant.last_day]
            if burnt.take_at_once(usable, usage.totals(event, Period(first, end), by="entity")):
                continue
            daily = usage.daily(event, by="entity") if daily is None else daily
            for day in sorted({first, *(day for day in daily if first <= day < end)}):
                burnt.take(usable, daily.get(day, {}))
    return BurnDown(burnt.left, burnt.taken, {entity: amount for entity, amount in burnt.owed.items() if amount})


class _Burning:
    """The state of spending: what is left of each grant, what was taken, and what is owed."""

    def __init__(self, left: dict[str, Decimal]) -> None:
        self.left = left
        self.taken: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self.owed: dict[str, Decimal] = defaultdict(Decimal)

    def take(self, usable: Iterable[Grant], spent: Mapping[str, Decimal]) -> None:
        """Take what was spent, and what is still owed, from the usable grants in their order."""
        for entity, amount in spent.items():
            self.owed[entity] += amount
        for entity in sorted(entity for entity, amount in self.owed.items() if amount):
            for grant in usable:
                if grant.entity in (None, entity) and (part := min(self.owed[entity], self.left[grant.id])):
                    self.left[grant.id] -= part
                    self.owed[entity] -= part
                    self.taken[entity, grant.id] += part

    def take_at_once(self, usable: Iterable[Grant], spent: Mapping[str, Decimal]) -> bool:
        """Take what was spent over several days in one step, if no grant runs out on the way.

        Without a grant that runs out, the day on which something was spent makes no difference.

        Returns:
            Whether it was taken. If not, nothing has changed.
        """
        wanted: dict[str, Decimal] = defaultdict(Decimal)
        for entity in spent.keys() | self.owed.keys():
            first = next((grant.id for grant in usable if grant.entity in (None, entity)), None)
            if first is not None:
                wanted[first] += spent.get(entity, Decimal(0)) + self.owed.get(entity, Decimal(0))
        if any(amount > self.left[key] for key, amount in wanted.items()):
            return False
        self.take(usable, spent)
        return True


def _by_entity(current: Mapping[str, Grant], burnt: BurnDown) -> tuple[Share, ...]:
    """Return a share for each entity: what it spent of unexpired grants or owes; its limit is its own grants.

    What it spent of shared grants is in its usage, so what is left of its own grants does not follow from the two.
    """
    own: dict[str, Decimal] = defaultdict(Decimal)
    left: dict[str, Decimal] = defaultdict(Decimal)
    used: dict[str, Decimal] = defaultdict(Decimal)
    for grant in current.values():
        if grant.entity is not None:
            own[grant.entity] += grant.amount
            left[grant.entity] += burnt.left[grant.id]
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
                entity or "Not specified",
                used.get(entity, Decimal(0)),
                own.get(entity),
                left.get(entity),
            )
            for entity in sorted(own.keys() | used.keys())
        ],
    )
