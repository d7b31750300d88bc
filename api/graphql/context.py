"""What a GraphQL operation is executed with."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from allowance import Admission
from sqlmodel import Session

from core.access.keys import Caller
from core.admission.admitter import Admitter
from core.admission.report import load_counters
from core.admission.tables import AdmissionWindow
from core.consumption.current import TURNING, Current, load_current
from core.consumption.intervals import Histories, Span, read_histories
from core.consumption.points import Point
from core.database.engine import Database
from core.licenses.load import LoadedLicense
from core.measuring.measure import Measurer
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


class Context:
    """One for each operation: who asks, when, in which `trace`, and the sessions.

    `deadline` is when a query is cut off, on the clock of :func:`time.monotonic`.

    Reads share one consistent view of the database. A mutation writes in a transaction of its own, after
    which reads see it.

    `together` are the licenses that the answer shows. `versions` are those of the licenses that were read without a
    session. Where `lasting`, nothing else was read: the answer stays the same while they do, until `good_until`.
    """

    def __init__(self, services: Services, caller: Caller, now: datetime, deadline: float, trace: str) -> None:
        self.services = services
        self.caller = caller
        self.now = now
        self.deadline = deadline
        self.trace = trace
        self.shown: dict[int, LoadedLicense] = {}
        self.versions: dict[int, int] = {}
        self.is_cacheable = True
        self.expires_at = datetime.fromtimestamp((now.timestamp() // _TURN + 1) * _TURN, UTC)
        self._reading = ExitStack()
        self._session: Session | None = None
        self._histories: dict[tuple[int, Span], Histories] = {}
        self._counters: dict[tuple[int, str], list[AdmissionWindow]] = {}
        self._current: dict[str, Current | None] = {}

    @property
    def session(self) -> Session:
        """The session to read with, opened when first asked for."""
        self.is_cacheable = False
        if self._session is None:
            self._session = self._reading.enter_context(self.services.database.read())
        return self._session

    def current(self, key: str) -> Current | None:
        """The license of that key with its current readings, read at once and alone, once for the operation."""
        if key not in self._current:
            found = self._current[key] = load_current(self.services.database, key, self.now)
            if found:
                self.versions[found.license.id] = found.version
        return self._current[key]

    def history(self, license: LoadedLicense, meter: str, span: Span) -> list[Point]:
        """The history of a license's meter; what is read for it serves its other meters, and the licenses beside it."""
        known = self._histories.get((license.id, span))
        points = known.of(meter) if known else None
        if points is None:
            zones = {one.id: one.license.time_zone for one in (*self.shown.values(), license)}
            found = read_histories(self.session, zones, meter, span)
            self._histories |= {(license_id, span): one for license_id, one in found.items()}
            points = found[license.id].of(meter)
        return points or []

    def counters(self, license: LoadedLicense, meter: Admission) -> list[AdmissionWindow]:
        """The counters of a license's quota windows; those of the licenses beside it are read along."""
        if (license.id, meter.key) not in self._counters:
            ids = [*self.shown, license.id]
            found = load_counters(self.session, ids, meter, self.now)
            self._counters |= {(one, meter.key): found[one] for one in ids}
        return self._counters[license.id, meter.key]

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block."""
        self.is_cacheable = False
        self.close()
        with self.services.database.write() as session:
            yield session

    def reset(self) -> None:
        """Forget all that was read."""
        self.close()
        self.shown.clear()
        self.versions.clear()

    def close(self) -> None:
        self._session = None
        self._histories.clear()
        self._counters.clear()
        self._current.clear()
        self._reading.close()
