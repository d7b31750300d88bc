"""Everybody who checks in at one process: looked up together, and admitted together."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from core.access.rate_limit import RateLimit
from core.admission import store_postgresql, store_sqlite
from core.admission.batches import Batches
from core.admission.check_in import Asked, CheckIn, Decision, QuotaMeters, unknown_license
from core.admission.decide import Group, decide
from core.admission.lost import count_lost, lost_before
from core.admission.notices import ask_for_refresh
from core.admission.outage import let_through
from core.admission.place_cache import PlaceCache, Remembered
from core.admission.quota_state import Place, QuotaState, load_quota_states
from core.admission.store import Key, Record, Store
from core.database.engine import Database, is_away
from core.errors import Overloaded, RateLimited, Unavailable
from core.plugins.registry import Registry
from core.settings import Settings
from core.times import instant, microseconds

logger = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds that anybody waits for an answer."""
_JUST_NOW: Final = timedelta(seconds=10)
MOST_WAITING: Final = 20_000
MOST_TOUCHES: Final = 200_000
STORES: Final[dict[bool, Store]] = {True: store_sqlite, False: store_postgresql}


def no_answer() -> Unavailable:
    """The error for whoever cannot be told: it may have a place by now, or not."""
    return Unavailable("The database does not answer now. Check in again: who got a place is known then.")


@dataclass(slots=True)
class _Waiting:
    """Somebody who waits for an answer; `key` and `record` once they were looked for."""

    asked: Asked
    answer: "Future[CheckIn]" = field(default_factory=Future)
    key: Key = (0, "", b"")
    record: Record | None = None

    @property
    def place(self) -> Place:
        return self.asked.license, self.asked.meter

    def decide(self, answer: CheckIn) -> None:
        self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        self.answer.set_exception(error)


_Line = dict[bytes, list[_Waiting]]
"""Installations of one license by their digests, and who waits for each."""


class Admitter:
    """Answers check-ins, each when its outcome is committed. Thread-safe; one for each process.

    What comes in is looked up together in one statement. Who has no place goes on to those that admit: many
    installations of a license at once, so that at the turn of a window, when all are new, its counter is locked
    once for a thousand. On which day an installation was seen is written later, with a second's worth of others.
    `clock` tells the time; a simulation has its own.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.doors: Final = QuotaMeters(registry)
        self._database: Final = database
        self._clock: Final = clock
        self._store: Final = STORES[database.is_sqlite]
        self._memory: Final = PlaceCache(settings.installations_remembered)
        calls, newcomers = settings.check_ins_per_second, settings.new_installations_per_second
        self._calls: Final = RateLimit(calls, calls)
        self._newcomers: Final = RateLimit(newcomers, 10 * newcomers)
        self._standings: dict[Place, QuotaState] = {}
        self._finding: Final = Batches("check-in-find", database, self._find, self._fail, most=500)
        self._admitting: Final = Batches(
            "check-in-admit", database, self._admit, self._fail, threads=1 if database.is_sqlite else 2
        )
        self._touching: Final = Batches("check-in-seen", database, self._touch, self._not_touched, pause=1)

    def remembered(self, asked: Asked) -> CheckIn | None:
        """The answer to an installation that has a place as far as is remembered; None where the database is needed.

        Raises :class:`RateLimited`.
        """
        wait = self._calls.take(asked.caller)
        if wait:
            raise RateLimited("This key checks in more often than it may.", wait)
        standing = self._standings.get((asked.license, asked.meter))
        now = self._clock()
        if standing is None or not standing.is_fresh(now):
            return None
        quota = standing.quota
        key = standing.key_of(asked.identifier)
        known = self._memory.find(key[2])
        if known is None or known.place < quota.starts_at:
            return None
        if known.seen < now.toordinal() - quota.terms.lost_after_days:
            return None
        if known.seen < now.toordinal():
            self._remember(key, quota.starts_at, None, now)
        return CheckIn(Decision.KNOWN, quota.places, quota.remaining(standing.used))

    def submit(self, asked: Asked) -> "Future[CheckIn]":
        """Have it decided. Raises :class:`core.errors.Overloaded`."""
        waiting = _Waiting(asked)
        # From here on it may get a place, whether or not anybody still waits for the answer.
        waiting.answer.set_running_or_notify_cancel()
        if len(self._finding) + len(self._admitting) >= MOST_WAITING or not self._finding.put([waiting]):
            raise Overloaded("More installations check in than can be answered now. Send it again later.")
        return waiting.answer

    def check_in(self, asked: Asked) -> CheckIn:
        """Decide it, and wait for that. Raises :class:`core.errors.Unavailable` where it takes too long."""
        try:
            return self.remembered(asked) or self.submit(asked).result(PATIENCE)
        except TimeoutError:
            raise no_answer() from None

    def close(self) -> None:
        """Answer what waits, and end."""
        for batches in (self._finding, self._admitting, self._touching):
            batches.close()

    def _find(self, connection: Connection, batch: Sequence[_Waiting]) -> None:
        """Answer those who have a place or back off already; the others are to be admitted."""
        now = self._clock()
        waiting = [one for one in batch if not one.answer.done()]  # all of them, unless it is done once more
        self._read_standings({one.place for one in waiting if not self._is_fresh(one.place, now)}, now)
        found = self._found(connection, waiting)
        if any(record and record.seen and record.seen > microseconds(now - _JUST_NOW) for _, record in found):
            self._store.flush(connection)  # of a place that another process may not have waited for yet
        self._count_lost_again(found, now)
        early = {one.place for one, record in found if record and record.backing_off(now)}
        self._read_standings(self._outdated(connection, early), now)
        candidates = []
        for one, record in found:
            standing = self._standings[one.place]
            quota = standing.quota
            if record and record.has_place_in(quota):
                self._remember(one.key, quota.starts_at, record.seen, now)
                one.decide(CheckIn(Decision.KNOWN, quota.places, quota.remaining(standing.used)))
            elif record and (back_off := record.backing_off(now)) and not quota.has_room(standing.used):
                one.decide(CheckIn(Decision.BACK_OFF, quota.places, quota.remaining(standing.used), back_off))
            elif record is None and (wait := self._newcomers.take(one.asked.caller)):
                one.fail(RateLimited("This key brings more new installations than it may.", wait))
            else:
                one.record = record
                candidates.append(one)
        if candidates and not self._admitting.put(candidates):
            for one in candidates:
                one.fail(Unavailable("The server is stopping. Send it again."))

    def _found(self, connection: Connection, batch: Sequence[_Waiting]) -> list[tuple[_Waiting, Record | None]]:
        """What is kept of each whose license exists; the others are told."""
        known = []
        for one in batch:
            if standing := self._standings.get(one.place):
                one.key = standing.key_of(one.asked.identifier)
                known.append(one)
            else:
                one.fail(unknown_license(one.asked.license))
        records = self._store.find(connection, [one.key for one in known]) if known else []
        return list(zip(known, records, strict=True))

    def _count_lost_again(self, found: Sequence[tuple[_Waiting, Record | None]], now: datetime) -> None:
        """Count those with a place who are lost by now, which can be in a window that is longer than that takes."""
        yesterday = microseconds(now - timedelta(days=1))
        for one, record in found:
            if record and record.seen and record.seen < yesterday:
                standing = self._standings[one.place]
                if record.has_place_in(standing.quota):
                    self._count_lost(standing, {one.key[2]: record}, now)

    def _outdated(self, connection: Connection, places: Collection[Place]) -> set[Place]:
        """Those whose contract changed since their standing was read."""
        if not places:
            return set()
        read = {place: self._standings[place].quota for place in places}
        versions = self._store.versions(connection, {quota.license_id for quota in read.values()})
        return {place for place, quota in read.items() if versions.get(quota.license_id, 0) != quota.versions}

    def _admit(self, connection: Connection, batch: Sequence[_Waiting]) -> None:
        """Give places, and answer all."""
        lines: dict[Place, _Line] = {}
        for one in batch:
            if not one.answer.done():
                lines.setdefault(one.place, {}).setdefault(one.key[2], []).append(one)
        decided: dict[Place, Group] = {}
        while undecided := lines.keys() - decided.keys():
            now = self._clock()
            self._read_standings({place for place in undecided if not self._is_fresh(place, now)}, now)
            groups = {place: self._group(place, lines[place], now) for place in undecided}
            decide(self._store, connection, list(groups.values()), now)
            if admitted := frozenset(group.quota.license_id for group in groups.values() if group.admitted):
                self._database.tell(admitted)
            self._read_standings({place for place, group in groups.items() if group.outdated}, now)
            decided |= {place: group for place, group in groups.items() if not group.outdated}
        for place, group in decided.items():
            self._notice(place, group)
            self._answer(lines[place], group)

    def _group(self, place: Place, line: _Line, now: datetime) -> Group:
        standing = self._standings[place]
        records = {digest: waiting[0].record for digest, waiting in line.items()}
        self._count_lost(standing, records, now)
        identifiers = {digest: waiting[0].asked.identifier for digest, waiting in line.items()}
        return Group(standing.quota, identifiers, records)

    def _answer(self, line: _Line, group: Group) -> None:
        has_place = Remembered(group.quota.starts_at, self._clock().toordinal())
        for digest, waiting in line.items():
            answer = group.answers[digest]
            if answer.decision is not Decision.BACK_OFF:
                self._memory.keep(digest, has_place)
            waiting[0].decide(answer)
            if len(waiting) > 1:  # the same installation, before it was answered
                again = replace(answer, decision=Decision.KNOWN) if answer.decision is Decision.ADMITTED else answer
                for one in waiting[1:]:
                    one.decide(again)

    def _is_fresh(self, place: Place, now: datetime) -> bool:
        standing = self._standings.get(place)
        return standing is not None and standing.is_fresh(now)

    def _read_standings(self, places: Collection[Place], now: datetime) -> None:
        if not places:
            return
        read = load_quota_states(self._database, places, self.doors.meters, now)
        for place in places:
            if place in read:
                self._standings[place] = read[place]
            else:
                self._standings.pop(place, None)

    def _count_lost(self, standing: QuotaState, records: Mapping[bytes, Record | None], now: datetime) -> None:
        """Count who is lost before its call is kept, so that it does not depend on whose turn comes first."""
        limit = microseconds(lost_before(now, standing.quota.terms))
        gone = [digest for digest, record in records.items() if record and record.seen and record.seen < limit]
        if gone:
            with self._database.write() as session:
                count_lost(session, standing, gone, now)

    def _notice(self, place: Place, group: Group) -> None:
        """See what was taken, and have people told of it."""
        standing = self._standings[place]
        standing.used = max(standing.used, group.used)
        try:
            ask_for_refresh(self._database, standing, group.used - group.admitted, group.used, self._clock())
        except SQLAlchemyError:  # the daily refresh will find it
            logger.warning("a quota of license %s fills, and no refresh could be asked for", place[0])

    def _remember(self, key: Key, place: int, seen: int | None, now: datetime) -> None:
        """Keep in mind who has a place, and keep that it was seen today, once a day."""
        self._memory.keep(key[2], Remembered(place, now.toordinal()))
        if (seen is None or instant(seen).date() < now.date()) and len(self._touching) < MOST_TOUCHES:
            self._touching.put([(key, now)])

    def _touch(self, connection: Connection, batch: Sequence[tuple[Key, datetime]]) -> None:
        self._store.touch(connection, [key for key, _ in batch], max(now for _, now in batch))

    def _fail(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """Nobody is told what could not be read or committed; where the database is away, some may pass."""
        away = is_away(error)
        log = logger.warning if away else logger.error
        log("check-ins could not be decided: %s", error, exc_info=None if away else error)
        now = self._clock()
        for one in batch:
            if one.answer.done():
                continue
            if not away:
                one.fail(error)
                continue
            standing = self._standings.get(one.place)
            passes = standing and let_through(standing, one.asked.identifier, self._memory, now)
            if passes:
                one.decide(passes)
            else:
                one.fail(no_answer())

    def _not_touched(self, batch: Sequence[tuple[Key, datetime]], error: Exception) -> None:
        logger.warning("that %d installations were seen today could not be kept: %s", len(batch), error)
