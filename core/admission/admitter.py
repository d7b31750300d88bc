"""Check-ins at one process, step by step.

A check-in goes through these steps. Each ends the check-in with an answer or hands it to the next:

1. :meth:`Admitter.answer_from_memory`: the rate of the key, then an installation that this process knows;
2. :meth:`Admitter.submit`: the check-in waits for the next look-up;
3. :meth:`Admitter._look_up`, for up to 500 check-ins together: quota states, stored states of the installations;
   while no contract is in force or the license is suspended, every installation is refused; an installation with a
   place is known, and an installation that found no place goes on backing off;
4. :meth:`Admitter._admit`, for up to 1000 check-ins together: places are given while there are any, others back off;
5. :meth:`Admitter._fail`, if the database does not answer: the contract may let an installation pass.

Steps 3 to 5 run in threads of their own. Many check-ins share a transaction, so that the counter of a license is
locked once for many installations when a quota window turns and all of them are new.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from core.admission import store_postgresql, store_sqlite
from core.admission.admit import Group, GroupOutcome, admit_groups
from core.admission.batch_queue import BatchQueue
from core.admission.check_in import CheckIn, CheckInRequest, Decision, QuotaKey, unknown_license
from core.admission.crossing_refresh import request_refresh_on_crossing
from core.admission.known_installations import KnownInstallations
from core.admission.look_up import answer_of, find_candidates, outdated_quotas, wait_for_recent_places
from core.admission.lost import count_lost_of, count_lost_with_place
from core.admission.outage import answer_in_outage, no_answer
from core.admission.pending import Candidate, CandidatesByDigest, PendingCheckIn, group_by_quota
from core.admission.place_cache import CachedPlace
from core.admission.quota_meters import QuotaMeters
from core.admission.quota_states import QuotaStates
from core.admission.rates import CheckInRates
from core.admission.signatures import BadSignature
from core.admission.store import Store
from core.database.engine import Database, is_away
from core.errors import Overloaded, RateLimited, Unavailable
from core.plugins.registry import Registry
from core.settings import Settings

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""Seconds that a caller waits for an answer."""
MAX_WAITING: Final = 20_000
_LOOK_UP_SIZE: Final = 500
STORES: Final[dict[bool, Store]] = {True: store_sqlite, False: store_postgresql}
"""The statements by whether the database is SQLite."""


class Admitter:
    """Answers check-ins, each after its outcome is committed. Thread-safe; one for each process."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Create the queues; their threads start with the first check-in. A simulation has a `clock` of its own."""
        self.quota_meters: Final = QuotaMeters(registry)
        self._database: Final = database
        self._clock: Final = clock
        self._store: Final = STORES[database.is_sqlite]
        self._rates: Final = CheckInRates(settings)
        self._states: Final = QuotaStates(database, self.quota_meters.meters)
        self._known: Final = KnownInstallations(database, self._store, settings.installations_remembered)
        self._look_ups: Final = BatchQueue("check-in-find", database, self._look_up, self._fail, max_size=_LOOK_UP_SIZE)
        self._admissions: Final = BatchQueue(
            "check-in-admit", database, self._admit, self._fail_candidates, threads=1 if database.is_sqlite else 2
        )

    def check_in(self, request: CheckInRequest) -> CheckIn:
        """Answer a check-in.

        Raises:
            RateLimited: The key checks in too often, or brings too many new installations.
            BadSignature: The installation needs a place, and is not signed as its license demands.
            core.errors.NotFound: The license does not exist.
            Overloaded: Too many check-ins wait.
            Unavailable: The database does not answer in time.
        """
        try:
            return self.answer_from_memory(request) or self.submit(request).result(ANSWER_SECONDS)
        except TimeoutError:
            raise no_answer() from None

    def answer_from_memory(self, request: CheckInRequest) -> CheckIn | None:
        """Answer an installation that this process knows to have a place; None if the database is needed.

        Raises:
            RateLimited: The key checks in too often.
        """
        self._rates.require_call(request.key_id)
        now = self._clock()
        state = self._states.fresh(request.quota_key, now)
        if (
            state is None
            or state.quota.refusal
            or not self._known.is_known(state.key_of(request.identifier), state, now)
        ):
            return None
        return CheckIn(Decision.KNOWN, state.quota.places, state.quota.remaining(state.used))

    def submit(self, request: CheckInRequest) -> "Future[CheckIn]":
        """Queue a check-in for the database. Raises :class:`Overloaded` if too many wait."""
        check_in = PendingCheckIn(request, Future())
        # From here on the installation may get a place, whether or not its caller still waits.
        check_in.future.set_running_or_notify_cancel()
        if len(self._look_ups) + len(self._admissions) >= MAX_WAITING or not self._look_ups.put([check_in]):
            raise Overloaded("More installations check in than can be answered now. Send it again later.")
        return check_in.future

    def forget(self, license: str) -> None:
        """Believe nothing that was read of a license before now, since this process changed the license."""
        self._states.forget(license)

    def close(self) -> None:
        """Answer the check-ins that wait, and end."""
        self._look_ups.close()
        self._admissions.close()
        self._known.close()

    def _look_up(self, connection: Connection, batch: Sequence[PendingCheckIn]) -> None:
        """Answer installations that have a place or back off already, and queue the others for admission."""
        now = self._clock()
        pending = [check_in for check_in in batch if not check_in.future.done()]  # a batch may be run twice
        self._states.refresh_stale({check_in.request.quota_key for check_in in pending}, now)
        for check_in in pending:
            if self._states.get(check_in.request.quota_key) is None:
                check_in.future.set_exception(unknown_license(check_in.request.license))
        candidates = find_candidates(self._store, connection, self._states, pending)
        wait_for_recent_places(self._store, connection, candidates, now)
        count_lost_with_place(self._database, self._states, candidates, now)
        turned_away = {
            one.quota_key for one in candidates if one.backs_off(now) or self._states.is_refused(one.quota_key)
        }
        self._states.refresh(outdated_quotas(self._store, connection, self._states, turned_away), now)
        undecided = [candidate for candidate in candidates if not self._answer_stored(candidate, now)]
        if undecided and not self._admissions.put(undecided):
            for candidate in undecided:
                candidate.pending.future.set_exception(Unavailable("The server is stopping. Send it again."))

    def _answer_stored(self, candidate: Candidate, now: datetime) -> bool:
        """Answer a candidate from its stored state; return False if it has to be admitted or refused."""
        state, stored, future = self._states[candidate.quota_key], candidate.stored, candidate.pending.future
        if answer := answer_of(state, stored, now):
            if stored and answer.decision is Decision.KNOWN:
                place = CachedPlace(state.quota.starts_at, now.toordinal(), candidate.generation)
                self._known.remember(candidate.key, place, stored.seen, now)
            future.set_result(answer)
            return True
        request = candidate.pending.request
        try:
            is_signed = state.signing is not None and state.signing.require(request, now)
            if stored is None:
                self._rates.require_new(request.key_id, state.quota, state.used, is_signed=is_signed)
        except (BadSignature, RateLimited) as refused:
            future.set_exception(refused)
        return future.done()

    def _admit(self, connection: Connection, batch: Sequence[Candidate]) -> None:
        """Give places to candidates or refuse them, and answer all."""
        candidates = group_by_quota(batch)
        decided: dict[QuotaKey, GroupOutcome] = {}
        while undecided := candidates.keys() - decided.keys():
            now = self._clock()
            self._states.refresh_stale(undecided, now)
            groups = {key: self._group(key, candidates[key], now) for key in undecided}
            admitted = admit_groups(self._store, connection, list(groups.values()), now)
            outcomes = dict(zip(groups, admitted, strict=True))
            visible = [outcome for outcome in outcomes.values() if outcome.admitted or outcome.refusals.digests]
            if changed := frozenset(outcome.quota.license_id for outcome in visible):
                self._database.notify(changed)
            self._states.refresh({key for key, outcome in outcomes.items() if outcome.outdated}, now)
            decided |= {key: outcome for key, outcome in outcomes.items() if not outcome.outdated}
        for key, outcome in decided.items():
            self._record_used(key, outcome)
            self._answer_group(candidates[key], outcome)

    def _group(self, key: QuotaKey, candidates: CandidatesByDigest, now: datetime) -> Group:
        """Return the candidates of a quota as a group to admit."""
        state = self._states[key]
        stored = {digest: waiting[0].stored for digest, waiting in candidates.items()}
        # Before the check-in is written, so that a lost installation is counted whichever process writes first.
        count_lost_of(self._database, state, stored, now)
        identifiers = {digest: waiting[0].pending.request.identifier for digest, waiting in candidates.items()}
        return Group(state.quota, identifiers, stored)

    def _record_used(self, key: QuotaKey, outcome: GroupOutcome) -> None:
        """Record the places taken, and request a refresh if they crossed a threshold or the window refused first."""
        state = self._states.record_used(key, outcome.used)
        try:
            request_refresh_on_crossing(self._database, state, outcome, self._clock())
        except SQLAlchemyError:  # the daily refresh finds the crossing
            logger.warning("a quota of license %s fills, but a refresh could not be requested", key[0])

    def _answer_group(self, candidates: CandidatesByDigest, outcome: GroupOutcome) -> None:
        """Answer the candidates of a quota, and remember the installations with a place."""
        answers = outcome.answers
        with_place = [digest for digest in candidates if answers[digest].has_place]
        generation = min(one.generation for waiting in candidates.values() for one in waiting)
        place = CachedPlace(outcome.quota.starts_at, self._clock().toordinal(), generation)
        self._known.remember_admitted(with_place, place)
        for digest, (first, *others) in candidates.items():
            answer = answers[digest]
            first.pending.future.set_result(answer)
            if others:  # the same installation, before it was answered
                again = replace(answer, decision=Decision.KNOWN) if answer.decision is Decision.ADMITTED else answer
                for candidate in others:
                    candidate.pending.future.set_result(again)

    def _fail(self, batch: Collection[PendingCheckIn], error: Exception) -> None:
        """Answer check-ins whose batch failed. If the database is away, the contract may let them pass."""
        away = is_away(error)
        if not away:
            logger.error("check-ins could not be decided: %s", error, exc_info=error)
        elif not self._database.has_outage:
            logger.warning("check-ins could not be decided: %s", error)
        now = self._clock()
        for check_in in batch:
            if not check_in.future.done():
                answer = self._answer_in_outage(check_in.request, now) if away else None
                if answer:
                    check_in.future.set_result(answer)
                else:
                    check_in.future.set_exception(no_answer() if away else error)

    def _fail_candidates(self, batch: Collection[Candidate], error: Exception) -> None:
        self._fail([candidate.pending for candidate in batch], error)

    def _answer_in_outage(self, request: CheckInRequest, now: datetime) -> CheckIn | None:
        state = self._states.get(request.quota_key)
        if state is None:
            return None
        return answer_in_outage(state, self._known.find(state.key_of(request.identifier)[2]), now)
