"""The range of usage to load of a license: which days of which event types are read, and from where. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from core.licenses.load import LoadedLicense
from core.measuring.checkpoints import DAYS, LEVEL, TOTAL, UsageCheckpoint
from core.plugins.registry import Registry

_EVER: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UsageRange:
    """A license to load usage of, to be measured on every day from `since` to its today.

    `at` is the time of the measurement of today, None for the time of loading.
    """

    license: LoadedLicense
    since: date
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Event types of one kind whose meters need the same days: `days` before the measured day, None for all days."""

    kind: str
    days: int | None
    events: Sequence[str]

    @property
    def form(self) -> str | None:
        """The form in a checkpoint: totals, single days or the newest level; None if checkpoints leave them out."""
        if self.kind == LEVEL:
            return LEVEL if self.days == 0 else None
        return {0: TOTAL, None: DAYS}.get(self.days)


class Bounds(NamedTuple):
    """The days to read from the rollups for a license and a group of event types.

    `group_number` is the index of the group. Rows from `first` on are read, up to and including `last`: day by day from
    `single` on, and before that as a total. With `known`, everything before `first` comes from a checkpoint.
    """

    license_id: int
    group_number: int
    first: date
    single: date
    last: date
    known: bool


@dataclass(frozen=True, slots=True)
class LoadingPlan:
    """The days of usage to load of a license, by group of event types.

    `checkpoint` is None if there is none that fits. `form` names the event types by their form in a checkpoint.
    `loaded_from` is the first day that is loaded of each event type, `read_from` the first that is read from rollups.
    Days are single from `single` on.
    """

    license: LoadedLicense
    single: date
    checkpoint: UsageCheckpoint | None
    form: Mapping[str, Any]
    loaded_from: Mapping[str, date]
    read_from: Mapping[str, date]
    bounds: Sequence[Bounds]


def group_events(registry: Registry) -> list[EventGroup]:
    """Group the event types of the installed meters by their kind and the days that they need."""
    groups: dict[tuple[str, int | None], list[str]] = defaultdict(list)
    for event in registry.event_types.values():
        groups[event.kind, registry.days[event.name]].append(event.name)
    return [EventGroup(kind, days, sorted(events)) for (kind, days), events in groups.items()]


def plan_loading(
    usage_range: UsageRange, groups: Sequence[EventGroup], checkpoint: UsageCheckpoint | None
) -> LoadingPlan:
    """Plan the days to load of a license; a checkpoint fits if it ends before them and holds the same event types."""
    license, since = usage_range.license, usage_range.since
    counted_from, *later = license.period_firsts(since)
    # A total must not span the beginning of a period that is measured.
    single_from = min(since, *later) if later else since
    form = {group.form: group.events for group in groups if group.form} | {"from": counted_from.isoformat()}
    if checkpoint and (checkpoint.through >= single_from or checkpoint.held != form):
        checkpoint = None
    loaded_from: dict[str, date] = {}
    read_from: dict[str, date] = {}
    bounds = []
    for number, group in enumerate(groups):
        first = _EVER if group.days is None else since - timedelta(days=group.days)
        if group.kind != LEVEL:
            first = min(first, counted_from)
        loaded_from |= dict.fromkeys(group.events, first)
        known = checkpoint is not None and group.form is not None
        if checkpoint and known:
            first = checkpoint.through + _DAY
        read_from |= dict.fromkeys(group.events, first)
        single = single_from if group.form == TOTAL else first
        bounds.append(Bounds(license.id, number, first, single, license.today, known))
    return LoadingPlan(license, single_from, checkpoint, form, loaded_from, read_from, bounds)
