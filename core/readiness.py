"""The readiness of a process: whether work that it is given now would succeed."""

import logging
import threading
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from shutil import disk_usage
from time import monotonic
from typing import Final

from sqlalchemy import text

from core.database.engine import Database, is_away
from core.migrations.upgrade import HEAD

logger = logging.getLogger(__name__)

BOUND: Final = 4.0
"""Seconds that a check may take. The work of a check that takes longer would not succeed in good time either."""
FRESH: Final = 1.0
"""Seconds for which probes share the result of a check, so that many probes cost no more than one."""
_SCHEMA: Final = text("SELECT version_num FROM alembic_version")
_WRITES: Final = {
    # Each is committed to disk, and changes nothing that anybody reads.
    "sqlite": [text("PRAGMA user_version = 0")],
    "postgresql": [
        text("SELECT pg_logical_emit_message(true, 'allowance', CAST('' AS text))"),
        # A message needs room in the log of PostgreSQL alone, which has files in reserve. Rows that do not fit into
        # memory need room among the data: half a megabyte, which is free again at once.
        text("SELECT set_config('work_mem', '64kB', true)"),
        text("SELECT count(*) FROM generate_series(1, 20000)"),
    ],
}
_ROOM: Final = 2**20
"""Bytes that the disk of an SQLite database has free. Without them only small writes may fit into its log."""


class Unready(StrEnum):
    """A reason why a process is not ready, which probes show to anybody."""

    DRAINING = "DRAINING"
    """The process stops."""
    NO_CONNECTION = "NO_CONNECTION"
    """The database does not answer, or the pool has no room."""
    SCHEMA_NOT_CURRENT = "SCHEMA_NOT_CURRENT"
    """The database lacks migrations of this version. Those of a newer version do no harm: it is migrated first."""
    CANNOT_WRITE = "CANNOT_WRITE"
    """The database is full, locked, or a replica."""
    FAULT = "FAULT"
    """The check failed for a reason that the log states."""


def document_of(reason: Unready | None) -> dict[str, object]:
    """Return what a process answers to probes: the reason why it is not ready, None if it is."""
    return {"status": "ok"} if reason is None else {"status": "not ready", "failed": [reason]}


class Check:
    """A check under way, or its result.

    Attributes:
        step: The reason of a check that is given up now.
        result: The reason why the process is not ready, None if it is.
    """

    def __init__(self) -> None:
        """Begin the check."""
        self.step = Unready.NO_CONNECTION
        self.result: Final = Future[Unready | None]()
        self.result.set_running_or_notify_cancel()  # a probe that gives up cancels nothing
        self._begun: Final = monotonic()

    def remaining(self) -> float:
        """Return the seconds after which the check is given up."""
        return max(self._begun + BOUND - monotonic(), 0)

    def is_usable(self) -> bool:
        """Return whether probes wait for this check instead of another one."""
        return not self.result.done() or monotonic() < self._begun + FRESH

    def wait(self) -> Unready | None:
        """Return the result, or the step if the check is given up before."""
        try:
            return self.result.result(self.remaining())
        except TimeoutError:
            return self.step


class Readiness:
    """The checks of one process, one at a time. Thread-safe.

    A check runs in a thread of its own: the threads that serve requests may all wait for a database that hangs.
    """

    def __init__(self, database: Database) -> None:
        """Check a database, once a probe asks."""
        self._database: Final = database
        self._writes: Final = _WRITES[database.url.get_backend_name()]
        self._lock: Final = threading.Lock()
        self._last: Check | None = None
        self._draining: Check | None = None

    def drain(self) -> None:
        """Be not ready from now on, because the process stops."""
        check = Check()
        check.result.set_result(Unready.DRAINING)
        self._draining = check

    def check(self) -> Check:
        """Return the check that is under way or fresh, or else begin one."""
        if self._draining:
            return self._draining
        with self._lock:
            if self._last is None or not self._last.is_usable():
                self._last = Check()
                threading.Thread(target=self._run, args=(self._last,), name="readiness", daemon=True).start()
            return self._last

    def _run(self, check: Check) -> None:
        try:
            check.result.set_result(self._find(check))
        except Exception as error:  # a check without a result would hold all later probes
            if is_away(error):
                check.result.set_result(check.step)
            else:
                logger.exception("the readiness of this process could not be checked")
                check.result.set_result(Unready.FAULT)

    def _find(self, check: Check) -> Unready | None:
        with self._database.read() as session:
            session.connection()
            check.step = Unready.SCHEMA_NOT_CURRENT
            if max(session.scalars(_SCHEMA), default="") < HEAD:
                return check.step
        check.step = Unready.CANNOT_WRITE
        with self._database.write() as session:
            for statement in self._writes:
                session.execute(statement)
        return None if self._has_room() else check.step

    def _has_room(self) -> bool:
        file = self._database.url.database if self._database.is_sqlite else None
        return file is None or disk_usage(Path(file).parent).free >= _ROOM
