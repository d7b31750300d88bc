"""The refresh of licenses, from what is wanted to the snapshot, top to bottom.

A caller opens the transactions: :func:`plan_refresh` reads, :func:`save_refresh` writes, and between them the
meters are measured with no transaction open. Each takes a fixed number of statements for any number of
licenses.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Grant, Meter, Reading, Usage
from sqlalchemy import delete, tuple_
from sqlmodel import Session, col, select

from core.consumption.history import Point, Stretch, replace_history
from core.consumption.readings import (
    UNMEASURED,
    Problem,
    StoredReading,
    from_document,
    judge,
    to_document,
)
from core.consumption.status import SEVERITY, worst
from core.consumption.tables import Snapshot
from core.database.engine import insert_into
from core.licenses.load import LoadedLicense, load_licenses
from core.measuring.measure import Failure, Question
from core.plugins.host import Registry
from core.usage.load import Wanted, load_usage
from core.usage.tables import LateUsage

HISTORY: Final = timedelta(days=1100)
"""How far back history is measured again when late usage comes in."""
RETRY: Final = timedelta(hours=1)
"""When a meter that failed is tried again, unless it is due sooner."""
SLACK: Final = timedelta(minutes=1)
"""What is due this soon is refreshed along with what is due."""


@dataclass(frozen=True, slots=True)
class RefreshWanted:
    """What of a license is to be refreshed: the sections named, all of them, or what is due."""

    sections: frozenset[str] | None = None
    only_due: bool = False

    def joined(self, other: "RefreshWanted") -> "RefreshWanted":
        """What serves both."""
        if self == other:
            return self
        if self.only_due or other.only_due or self.sections is None or other.sections is None:
            return RefreshWanted()
        return RefreshWanted(self.sections | other.sections)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a license is measured: now, or at the end of a past day."""

    license: LoadedLicense
    at: datetime
    past: bool


@dataclass(slots=True)
class Plan:
    """The questions to ask the meters, and the moment that each is about."""

    now: datetime
    questions: list[Question] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    licenses: dict[int, LoadedLicense] = field(default_factory=dict)
    usage: dict[int, Usage] = field(default_factory=dict)
    late: dict[int, LateUsage] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    """Of the snapshots that it starts from, by license."""


def plan_refresh(session: Session, wanted: Mapping[int, RefreshWanted], registry: Registry, now: datetime) -> Plan:
    """Load what the meters need and write down the questions."""
    plan = Plan(now)
    plan.licenses = load_licenses(session, wanted.keys(), now)
    plan.late = late_usage(session, wanted.keys())
    plan.versions, before = _load_snapshots(session, wanted.keys())
    meters: dict[int, list[tuple[Meter, date]]] = {}
    for license_id, license in plan.licenses.items():
        late = plan.late.get(license_id)
        # Late usage changes the past of any meter, so all of them are measured and the mark can go.
        asked = RefreshWanted() if late else wanted[license_id]
        earliest = license.today - HISTORY
        meters[license_id] = [
            (meter, max(earliest, _since(meter, license, late, before[license_id])))
            for meter in _chosen(asked, registry, before[license_id], now)
        ]
    plan.usage = load_usage(
        session,
        [
            Wanted(plan.licenses[license_id], min(since for _, since in chosen))
            for license_id, chosen in meters.items()
            if chosen
        ],
        registry,
        now,
    )
    for license_id, chosen in meters.items():
        license = plan.licenses[license_id]
        for day in _days(min((since for _, since in chosen), default=license.today), license.today):
            _ask(plan, Moment(license, license.end_of(day), past=True), day, [m for m, since in chosen if since <= day])
        _ask(plan, Moment(license, now, past=False), license.today, [meter for meter, _ in chosen])
    return plan


def save_refresh(
    session: Session, plan: Plan, answers: Sequence[Reading | Failure], registry: Registry
) -> dict[int, datetime]:
    """Write snapshots and history; when each license is due next, by its id."""
    versions, before = _load_snapshots(session, plan.licenses, lock=True)
    current: dict[int, dict[str, StoredReading]] = {license_id: {} for license_id in plan.licenses}
    turns = {key: _next_turn(plan.licenses[key], usage, plan.now) for key, usage in plan.usage.items()}
    points: list[Point] = []
    failed: set[tuple[int, str]] = set()
    for moment, question, answer in zip(plan.moments, plan.questions, answers, strict=True):
        license, meter = moment.license, question.meter
        known = before[license.id].get(meter.key)
        if known and known.measured_at and known.measured_at > plan.now:
            continue  # another worker measured later than this one, and the same days
        if not moment.past:
            due_at = min(plan.now + meter.every, turns[license.id])
            current[license.id][meter.key] = _answered(question, answer, known, plan.now, due_at)
        elif isinstance(answer, Reading):
            points.append(Point(license.id, meter.key, judge(meter, question.contract, answer, None, moment.at)))
        else:
            failed.add((license.id, meter.key))
    points += [
        Point(license_id, meter, reading)
        for license_id, parts in current.items()
        for meter, reading in parts.items()
        if reading.measured_at == plan.now
    ]
    replace_history(session, points, _rewritten(plan, {(one.license_id, one.meter) for one in points} - failed))
    readings = {
        license_id: {
            key: current[license_id].get(key) or before[license_id].get(key, UNMEASURED) for key in registry.meters
        }
        for license_id in plan.licenses
    }
    _write_snapshots(session, plan, {key: readings[key] for key, new in current.items() if new})
    # Where another worker saved meanwhile, the mark may be of usage that came in after this plan was made.
    alone = [license_id for license_id in plan.licenses if versions[license_id] == plan.versions[license_id]]
    _forget_late(session, [plan.late[license_id] for license_id in alone if license_id in plan.late])
    return {license_id: _due(parts.values(), plan.now) for license_id, parts in readings.items()}


def late_usage(session: Session, licenses: Collection[int]) -> dict[int, LateUsage]:
    """The licenses, of those given, whose past changed since their last refresh."""
    rows = session.exec(select(LateUsage).where(col(LateUsage.license_id).in_(licenses)))
    return {row.license_id: row for row in rows}


def _load_snapshots(
    session: Session, licenses: Collection[int], *, lock: bool = False
) -> tuple[dict[int, int], dict[int, dict[str, StoredReading]]]:
    """The versions of licenses' snapshots, and their readings by meter."""
    statement = select(Snapshot).where(col(Snapshot.license_id).in_(licenses)).order_by(col(Snapshot.license_id))
    rows = session.exec(statement.with_for_update() if lock else statement).all()
    return (
        {row.license_id: row.version for row in rows},
        {row.license_id: {key: from_document(document) for key, document in row.readings.items()} for row in rows},
    )


def _ask(plan: Plan, moment: Moment, day: date, meters: Collection[Meter]) -> None:
    if not meters:
        return
    license = moment.license
    usage = plan.usage[license.id]
    contract, seen = license.contract_on(day), usage.as_of(day) if moment.past else usage
    for meter in meters:
        plan.moments.append(moment)
        plan.questions.append(Question(meter, license.license, contract, seen))


def _chosen(
    wanted: RefreshWanted, registry: Registry, before: Mapping[str, StoredReading], now: datetime
) -> list[Meter]:
    meters = registry.meters.values()
    if wanted.sections is not None:
        return [meter for meter in meters if meter.section in wanted.sections]
    if wanted.only_due:
        return [meter for meter in meters if (before.get(meter.key, UNMEASURED).due_at or now) <= now + SLACK]
    return list(meters)


def _since(meter: Meter, license: LoadedLicense, late: LateUsage | None, before: Mapping[str, StoredReading]) -> date:
    """The first day whose end is to be measured: the day of the last reading, or of late usage before it."""
    measured_at = before.get(meter.key, UNMEASURED).measured_at
    zone = ZoneInfo(license.license.time_zone)
    last = measured_at.astimezone(zone).date() if measured_at else license.today
    return min(last, late.since if late else last, license.today)


def _days(since: date, today: date) -> Iterable[date]:
    return (since + timedelta(days=number) for number in range((today - since).days))


def _answered(
    question: Question, answer: Reading | Failure, known: StoredReading | None, now: datetime, due_at: datetime
) -> StoredReading:
    if isinstance(answer, Reading):
        return judge(question.meter, question.contract, answer, known, now, due_at)
    good = known or UNMEASURED
    since = good.problem.since if good.problem else now
    return replace(good, problem=Problem(answer.code, answer.message, since), due_at=min(due_at, now + RETRY))


def _next_turn(license: LoadedLicense, usage: Usage, now: datetime) -> datetime:
    """When a billing period, a contract or a grant begins or ends next."""
    grants = [cell for cell in usage.cells() if isinstance(cell, Grant)]
    turns = [license.next_turn(), *(turn for grant in grants for turn in (grant.granted_at, grant.expires_at) if turn)]
    return min(turn for turn in turns if turn > now)


def _rewritten(plan: Plan, meters: Collection[tuple[int, str]]) -> Iterable[Stretch]:
    """The stretches of history that late usage changed, of the meters that tell them anew."""
    day = timedelta(days=1)
    for license_id, meter in sorted(meters):
        if late := plan.late.get(license_id):
            license = plan.licenses[license_id]
            first = max(late.since, license.today - HISTORY)
            yield Stretch(license_id, meter, license.end_of(first - day), license.end_of(license.today - day))


def _write_snapshots(session: Session, plan: Plan, readings: Mapping[int, Mapping[str, StoredReading]]) -> None:
    if not readings:
        return
    statement = insert_into(session, Snapshot)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["license_id"],
            set_={
                "version": col(Snapshot.version) + 1,
                "severity": statement.excluded.severity,
                "readings": statement.excluded.readings,
            },
        ),
        [
            {
                "license_id": license_id,
                "license_key": plan.licenses[license_id].license.key,
                "version": 1,
                "severity": SEVERITY[worst(reading.status for reading in parts.values())],
                "readings": {key: to_document(reading) for key, reading in parts.items()},
            }
            for license_id, parts in sorted(readings.items())
        ],
    )


def _forget_late(session: Session, done: Sequence[LateUsage]) -> None:
    if done:
        marks = [(late.license_id, late.revision) for late in done]
        session.execute(delete(LateUsage).where(tuple_(col(LateUsage.license_id), col(LateUsage.revision)).in_(marks)))


def _due(readings: Iterable[StoredReading], now: datetime) -> datetime:
    return min((reading.due_at or now for reading in readings), default=now + timedelta(days=1))
