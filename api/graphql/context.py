"""The context of a GraphQL operation: its caller, its time, its sessions, and the services of the process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from allowance import Admission
from sqlmodel import Session

from api.concurrency.deadline import Deadline
from core.access.keys import Caller
from core.admission.admitter import Admitter
from core.admission.report import load_counters
from core.admission.tables import AdmissionWindow
from core.consumption.current import TURNING, Current, load_current
from core.consumption.intervals import Histories, Span, read_histories
from core.consumption.points import Point
from core.consumption.readings.status import UsageStatus
from core.database.engine import Database
from core.database.suggestions import withhold_suggestions
from core.forecast.documents import MeterOutlook
from core.forecast.store import load_outlooks
from core.languages.negotiation import Languages
from core.languages.words import words_in
from core.licenses.load import LoadedLicense
from core.measuring.measure import Measurer
from core.plugins.breaker import Pauses, load_pauses
from core.plugins.registry import Registry
from core.settings import Settings
from core.usage.committer import Committer
from core.workers.broker import Announcer

_TURN = TURNING.total_seconds()


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the process that resolvers use."""

    database: Database
    registry: Registry
    settings: Settings
    committer: Committer
    admitter: Admitter
    measurer: Measurer
    announcer: Announcer


@dataclass(frozen=True, slots=True)
class AllLicenses:
    """The licenses that a subscription to all licenses follows: those that have one of the statuses; None for all."""

    statuses: frozenset[UsageStatus] | None


class Context:
    """The context of one operation.

    Reads share one consistent view of the database. A mutation writes in a transaction of its own; later reads see its
    changes.

    Attributes:
        shown: The licenses that the answer shows, by their ids. Data of all of them is loaded together.
        words: The words of the reader's languages.
        versions: Versions of the licenses that were read without a session, by their ids.
        is_cacheable: Whether nothing else was read: the answer is valid while the versions stay, until `expires_at`.
        changed: The license that a subscription to all licenses sends now; None for the license that changed last.
        follows: The licenses that a subscription to all licenses follows, as its resolver states.
        expires_at: The moment from which the answer may differ although nothing was written.
    """

    def __init__(
        self,
        services: Services,
        caller: Caller,
        now: datetime,
        deadline: Deadline,
        trace: str,
        languages: Languages,
        changed: int | None = None,
    ) -> None:
        """Start an operation.

        Args:
            services: The parts of the process that resolvers use.
            caller: The caller.
            now: The time of the operation.
            deadline: The end of a query.
            trace: The id of the trace, for errors and the log.
            languages: The languages of the reader.
            changed: The id of the license that a subscription to all licenses sends now.
        """
        self.services = services
        self.caller = caller
        self.now = now
        self.deadline = deadline
        self.trace = trace
        self.words = words_in(languages)
        self.shown: dict[int, LoadedLicense] = {}
        self.versions: dict[int, int] = {}
        self.is_cacheable = True
        self.changed = changed
        self.follows: AllLicenses | None = None
        self.expires_at = datetime.fromtimestamp((now.timestamp() // _TURN + 1) * _TURN, UTC)
        self._reading = ExitStack()
        self._session: Session | None = None
        self._histories: dict[tuple[int, Span], Histories] = {}
        self._counters: dict[tuple[int, str], list[AdmissionWindow]] = {}
        self._current: dict[str, Current | None] = {}
        self._outlooks: dict[int, dict[str, MeterOutlook]] = {}
        self._pauses: Pauses | None = None

    @property
    def session(self) -> Session:
        """The session to read with, opened when first asked for."""
        self.is_cacheable = False
        if self._session is None:
            self._session = self._reading.enter_context(self.services.database.read())
            self._guard(self._session)
        return self._session

    def pauses(self) -> Pauses:
        """Return the pauses of partners' plugins and meters; read once for an operation."""
        if self._pauses is None:
            self._pauses = load_pauses(self.session)
        return self._pauses

    def current(self, key: str) -> Current | None:
        """Return a license with its current readings, None if there is none; read once for an operation."""
        if key not in self._current:
            current = self._current[key] = load_current(self.services.database, key, self.now)
            if current:
                self.versions[current.license.id] = current.version
        return self._current[key]

    def history(self, license: LoadedLicense, meter: str, span: Span) -> list[Point]:
        """Return the history of a license's meter; loads those of its other meters and of other shown licenses too."""
        known = self._histories.get((license.id, span))
        points = known.of(meter) if known else None
        if points is None:
            zones = {shown.id: shown.license.time_zone for shown in (*self.shown.values(), license)}
            histories = read_histories(self.session, zones, meter, span)
            self._histories |= {(license_id, span): history for license_id, history in histories.items()}
            points = histories[license.id].of(meter)
        return points or []

    def outlook(self, license: LoadedLicense, meter: str) -> MeterOutlook | None:
        """Return the stored outlook of a license's meter, if there is one; those of other shown licenses load along."""
        if license.id not in self._outlooks:
            ids = {*self.shown, license.id}
            self._outlooks |= {key: {} for key in ids} | load_outlooks(self.session, ids)
        return self._outlooks[license.id].get(meter)

    def counters(self, license: LoadedLicense, meter: Admission) -> list[AdmissionWindow]:
        """Return the counters of a license's quota windows; those of other shown licenses load along."""
        if (license.id, meter.key) not in self._counters:
            ids = [*self.shown, license.id]
            counters = load_counters(self.session, ids, meter, self.now)
            self._counters |= {(id, meter.key): counters[id] for id in ids}
        return self._counters[license.id, meter.key]

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction, which commits at the end of the block; earlier reads are dropped."""
        self.is_cacheable = False
        self.close()
        with self.services.database.write() as session:
            self._guard(session)
            yield session

    def _guard(self, session: Session) -> None:
        """Withhold stored names from a caller who may only write."""
        if not self.caller.may_read:
            withhold_suggestions(session)

    def reset(self) -> None:
        """Drop all that was read, to execute the operation again."""
        self.close()
        self.shown.clear()
        self.versions.clear()

    def close(self) -> None:
        """End the session and drop what was loaded."""
        self._session = None
        self._histories.clear()
        self._counters.clear()
        self._current.clear()
        self._outlooks.clear()
        self._reading.close()
