"""The refresh of licenses, from what is wanted to the snapshot, top to bottom.

A caller opens the transactions: :func:`plan_refresh` reads, :func:`save_refresh` writes, and between them the
meters are measured with no transaction open. Each takes a fixed number of statements for any number of
licenses.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allowance import Meter, Reading
from sqlalchemy import delete, select, tuple_
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from core.alerts.crossings import MeterCrossings, record_crossings
from core.alerts.detection import detect_crossings
from core.consumption.history import HistoryRetention, Thinned, TimeRange, hour_before, replace_history, thinned
from core.consumption.points import PointDelta, point_delta
from core.consumption.readings.documents import Document, judge_reading, status_document
from core.consumption.readings.status import UsageStatus
from core.consumption.snapshots import Known, load_snapshots, lock_snapshots, write_snapshots
from core.credits.expiring import find_expiring, next_notice, record_expiring
from core.licenses.load import LoadedLicense, load_licenses
from core.measuring.checkpoints import save_checkpoints
from core.measuring.load_usage import LoadedUsage, Wanted, load_usage
from core.measuring.measure import Failure, MeterQuestion
from core.plugins.registry import Registry
from core.usage.tables import LateUsage

HISTORY: Final = timedelta(days=1100)
"""How far back history is measured again when late usage comes in."""
RETRY: Final = timedelta(hours=1)
"""When a meter that failed is tried again, unless it is due sooner."""
SLACK: Final = timedelta(minutes=1)
"""What is due this soon is refreshed along with what is due."""
SETTLING: Final = timedelta(minutes=15)
"""How long after a day's end events of it may still be committed that were taken in before, and so are not late."""
_HOUR: Final = timedelta(hours=1)
_NOT_AT_ALL: Final = timedelta()
_UNMEASURED: Final = {"status": UsageStatus.UNKNOWN.value}


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
    """The questions to ask the meters, the moment that each is about, and what was known before."""

    now: datetime
    questions: list[MeterQuestion] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    licenses: dict[int, LoadedLicense] = field(default_factory=dict)
    usage: dict[int, LoadedUsage] = field(default_factory=dict)
    late: dict[int, LateUsage] = field(default_factory=dict)
    known: dict[int, Known] = field(default_factory=dict)


def plan_refresh(session: Session, wanted: Mapping[int, RefreshWanted], registry: Registry, now: datetime) -> Plan:
    """Load what the meters need and write down the questions."""
    plan = Plan(now)
    plan.licenses = load_licenses(session, wanted.keys(), now)
    plan.late = late_usage(session, wanted.keys())
    plan.known = load_snapshots(session, wanted.keys())
    meters: dict[int, list[tuple[Meter, date]]] = {}
    for license_id, license in plan.licenses.items():
        late, before = plan.late.get(license_id), plan.known[license_id].readings
        # Late usage changes the past of any meter, so all of them are measured and the mark can go.
        asked = RefreshWanted() if late else wanted[license_id]
        days = _Days(license, plan.now)
        meters[license_id] = [
            (meter, _since(before.get(meter.key), days, late)) for meter in _chosen(asked, registry, before, now)
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
        for day in _dates(min((since for _, since in chosen), default=license.today), license.today):
            _ask(plan, Moment(license, license.end_of(day), past=True), day, [m for m, since in chosen if since <= day])
        _ask(plan, Moment(license, now, past=False), license.today, [meter for meter, _ in chosen])
    return plan


def save_refresh(
    session: Session,
    plan: Plan,
    answers: Sequence[Reading | Failure],
    registry: Registry,
    keeping: HistoryRetention = HistoryRetention(),  # noqa: B008 - frozen
) -> dict[int, datetime]:
    """Write snapshots and history; when each license is due next, by its id."""
    known = lock_snapshots(session, plan.known)
    now = plan.now.isoformat()
    current: dict[int, dict[str, Document]] = defaultdict(dict)
    rows: dict[tuple[int, datetime], dict[str, PointDelta]] = defaultdict(dict)
    failed: set[tuple[int, str]] = set()
    crossings: list[MeterCrossings] = []
    days = {license_id: _Days(license, plan.now) for license_id, license in plan.licenses.items()}
    turns = {license_id: _next_turn(plan.licenses[license_id], usage) for license_id, usage in plan.usage.items()}
    for moment, question, answer in zip(plan.moments, plan.questions, answers, strict=True):
        license, meter = moment.license, question.meter
        before = known[license.id].readings.get(meter.key)
        measured_at = before.get("measured_at") if before else None
        if measured_at and datetime.fromisoformat(measured_at) > plan.now:
            continue  # another worker measured later than this one, and the same days
        if isinstance(answer, Failure):
            if moment.past:
                failed.add((license.id, meter.key))
            else:
                due_at = min(plan.now + min(meter.every, RETRY), turns[license.id])
                current[license.id][meter.key] = _failed(answer, before, now, due_at)
        elif moment.past:
            standing = status_document(meter, question.contract, answer)
            rows[license.id, moment.at][meter.key] = point_delta(standing, None)
        else:
            due_at = min(plan.now + meter.every, turns[license.id])
            document = judge_reading(meter, question.contract, answer, before, now, due_at.isoformat())
            same_day = measured_at and measured_at != now and days[license.id].of(measured_at) == license.today
            current[license.id][meter.key] = document
            if changed := detect_crossings(license.id, meter, question.contract, document, before):
                crossings.append(changed)
            rows[license.id, plan.now][meter.key] = point_delta(document, before if same_day else None)
    _write_history(session, plan, known, rows, failed, keeping)
    readings = {
        license_id: {
            key: current[license_id].get(key) or known[license_id].readings.get(key, _UNMEASURED)
            for key in registry.meters
        }
        for license_id in plan.licenses
    }
    write_snapshots(session, {key: readings[key] for key, new in current.items() if new})
    notifiers = registry.notifiers.values()
    record_crossings(session, crossings, plan.now, notifiers)
    expiring = [
        one
        for license_id, usage in plan.usage.items()
        if usage.grants
        for one in find_expiring(plan.licenses[license_id], usage.grants, _measured(current[license_id], now), plan.now)
    ]
    record_expiring(session, expiring, plan.now, notifiers)
    # Where another worker saved meanwhile, the mark may be of usage that came in after this plan was made.
    alone = [license_id for license_id in plan.licenses if known[license_id].version == plan.known[license_id].version]
    _forget_late(session, [plan.late[license_id] for license_id in alone if license_id in plan.late])
    usage = {license_id: plan.usage[license_id].to_settle() for license_id in alone if license_id in plan.usage}
    save_checkpoints(session, {license_id: settled for license_id, settled in usage.items() if settled})
    return {license_id: _due(parts.values(), plan.now) for license_id, parts in readings.items()}


def late_usage(session: Session, licenses: Collection[int]) -> dict[int, LateUsage]:
    """The licenses, of those given, whose past changed since their last refresh."""
    rows = session.exec(select_rows(LateUsage).where(col(LateUsage.license_id).in_(licenses)))
    return {row.license_id: row for row in rows}


class _Days:
    """The days of a license on which instants fall that are given in ISO 8601; many are the same."""

    def __init__(self, license: LoadedLicense, now: datetime) -> None:
        self.now = now.isoformat()
        self.today = license.today
        self._zone = ZoneInfo(license.license.time_zone)
        self._known: dict[tuple[str, timedelta], date] = {}

    def of(self, text: str, earlier: timedelta = _NOT_AT_ALL) -> date:
        """The day of an instant, or of one somewhat earlier."""
        day = self._known.get((text, earlier))
        if day is None:
            day = (datetime.fromisoformat(text) - earlier).astimezone(self._zone).date()
            self._known[text, earlier] = day
        return day


def _ask(plan: Plan, moment: Moment, day: date, meters: Collection[Meter]) -> None:
    if not meters:
        return
    license = moment.license
    usage = plan.usage[license.id].usage
    contract, seen = license.contract_on(day), usage.as_of(day) if moment.past else usage
    for meter in meters:
        plan.moments.append(moment)
        plan.questions.append(MeterQuestion(meter, license.license, contract, seen))


def _chosen(wanted: RefreshWanted, registry: Registry, before: Mapping[str, Document], now: datetime) -> list[Meter]:
    meters = registry.meters.values()
    if wanted.sections is not None:
        return [meter for meter in meters if meter.section in wanted.sections]
    if wanted.only_due:
        soon = now + SLACK
        due = {key: document["due_at"] for key, document in before.items() if "due_at" in document}
        return [meter for meter in meters if meter.key not in due or datetime.fromisoformat(due[meter.key]) <= soon]
    return list(meters)


def _since(before: Document | None, days: _Days, late: LateUsage | None) -> date:
    """The first day whose end is to be measured: the day of the last reading, or of late usage before it."""
    measured_at = before.get("measured_at") if before else None
    last = days.of(measured_at or days.now, SETTLING)
    return max(days.today - HISTORY, min(last, late.since if late else last, days.today))


def _dates(since: date, today: date) -> Iterable[date]:
    return (since + timedelta(days=number) for number in range((today - since).days))


def _failed(failure: Failure, before: Document | None, now: str, due_at: datetime) -> Document:
    good = before or _UNMEASURED
    since = good["problem"][2] if "problem" in good else now
    return {**good, "problem": [failure.code, failure.message, since], "due_at": due_at.isoformat()}


def _next_turn(license: LoadedLicense, usage: LoadedUsage) -> datetime:
    """When a billing period, a contract or a grant begins or ends next, or people are to be told that one will."""
    now = usage.usage.at
    turns = [turn for grant in usage.grants for turn in (grant.granted_at, grant.expires_at) if turn and turn > now]
    notice = next_notice(license, usage.grants, now)
    return min([license.next_turn(), *turns, *([notice] if notice else [])])


def _measured(documents: Mapping[str, Document], now: str) -> Mapping[str, Document]:
    """Those that are of this refresh; the others failed, and say how it was before."""
    return {meter: document for meter, document in documents.items() if document.get("measured_at") == now}


def _write_history(
    session: Session,
    plan: Plan,
    known: Mapping[int, Known],
    rows: Mapping[tuple[int, datetime], Mapping[str, PointDelta]],
    failed: Collection[tuple[int, str]],
    keeping: HistoryRetention,
) -> None:
    """Write the rows; where late usage changed the past drop what was there, and thin what grew old."""
    told: dict[int, set[str]] = defaultdict(set)
    for (license_id, _), entries in rows.items():
        told[license_id] |= entries.keys()
    rewritten: list[TimeRange] = []
    old: list[Thinned] = []
    outdone: list[TimeRange] = []
    for license_id, meters in sorted(told.items()):
        license, day = plan.licenses[license_id], timedelta(days=1)
        if late := plan.late.get(license_id):
            first = max(late.since, license.today - HISTORY)
            anew = {meter for meter in meters if (license_id, meter) not in failed}
            rewritten.append(
                TimeRange(license_id, license.end_of(first - day), license.end_of(license.today - day), anew)
            )
        times = {
            document["measured_at"] for document in known[license_id].readings.values() if "measured_at" in document
        }
        if not times:
            continue
        last = max(map(datetime.fromisoformat, times))
        last_day = last.astimezone(ZoneInfo(license.license.time_zone)).date()
        old += thinned(license, max(last_day, license.today - HISTORY), keeping)
        entries = rows.get((license_id, plan.now), {})
        if entries and last < plan.now < last + _HOUR and (hour := hour_before(license, plan.now, entries.keys())):
            outdone.append(hour)
    replace_history(session, rows, rewritten, old, outdone)


def _forget_late(session: Session, done: Sequence[LateUsage]) -> None:
    if done:
        marks = [(late.license_id, late.revision) for late in done]
        # In the order in which ingestion locks them, so that neither waits for the other in a circle.
        licenses = col(LateUsage.license_id)
        ours = licenses.in_([license_id for license_id, _ in marks])
        session.execute(select(licenses).where(ours).order_by(licenses).with_for_update())
        session.execute(delete(LateUsage).where(tuple_(col(LateUsage.license_id), col(LateUsage.revision)).in_(marks)))


def _due(readings: Iterable[Document], now: datetime) -> datetime:
    times = {document.get("due_at") for document in readings}
    return min((datetime.fromisoformat(time) if time else now for time in times), default=now + timedelta(days=1))
