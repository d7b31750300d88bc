"""The database: its engine, and sessions for reading and for writing, which only the edges open and commit."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Engine, Row, create_engine, event
from sqlalchemy import exc as sa_errors
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.pool import NullPool
from sqlmodel import Session

from core.database.connection_budget import MOST, ConnectionShare, share_of_requests
from core.database.hosts import HostOrder
from core.database.outage_log import OutageLog, Work
from core.database.pooler import PARAMETER, is_pooled, pooled_arguments, settings_of
from core.database.postgresql import LOST_SECONDS, connect_arguments, is_away_state, parse_url
from core.database.replicated_commit import ReplicatedConnection
from core.right_of_way import give_way

_KEPT_SESSIONS: Final = 16
"""Connections of sessions that stay open; further ones are closed after their use."""
_KEPT_QUERIES: Final = 4
CHANGED: Final = "changed licenses"
"""The key of `Session.info` under which a writing session collects the ids of licenses whose consumption it changes."""
# A frozen process must not hold its locks for ever.
_SESSION: Final = "-c timezone=UTC -c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000"
_BY_KEY: Final = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
SQLITE_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    # FULL: what was committed, and so acknowledged, survives a power cut.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
)


class Database:
    """An engine and the two kinds of session on it.

    Attributes:
        url: The address of the database.
        is_sqlite: Whether the database is SQLite; otherwise it is PostgreSQL.
        pooled_settings: The settings by name that each session behind a pooler has to have; None without a pooler.
        engine: The engine that sessions use.
        engines: All engines that send statements.
    """

    def __init__(
        self,
        url: str,
        lost_seconds: int = LOST_SECONDS,
        share: ConnectionShare = share_of_requests(MOST),  # noqa: B008 - a tuple
        *,
        beside: "Database | None" = None,
    ) -> None:
        """Prepare the engines for a database URL. Connections are opened when they are first used.

        Args:
            url: The URL, see :func:`core.database.postgresql.parse_url`.
            lost_seconds: Seconds after which a host of PostgreSQL is given up that confirms nothing.
            share: The most connections to PostgreSQL.
            beside: The same database with another share. Both have the same listeners and one log of outages.
        """
        self.url: Final = parse_url(url)
        self.is_sqlite: Final = self.url.get_backend_name() == "sqlite"
        self._hosts: Final[HostOrder] = beside._hosts if beside else HostOrder()
        connect = partial(_postgresql_engine, self.url, lost_seconds, self._hosts)
        self.engine: Final = (
            _sqlite_engine(self.url)
            if self.is_sqlite
            else connect(**_pool(share.sessions, _KEPT_SESSIONS), pool_pre_ping=True)
        )
        self.pooled_settings: Final = (
            settings_of(connect_arguments(self.url, lost_seconds, _SESSION)["options"]) if is_pooled(self.url) else None
        )
        self._writer: Engine = self.engine
        self._outages: Final[OutageLog] = beside._outages if beside else OutageLog()
        self._listeners: Final[list[Callable[[frozenset[int]], None]]] = beside._listeners if beside else []
        if self.is_sqlite:
            # A deferred transaction that becomes a writer fails at once while another transaction writes.
            self._writer = self.engine.execution_options(begin="BEGIN IMMEDIATE")
            self._reader = self.engine.execution_options(begin="BEGIN")
            self._direct: Engine = self.engine
            self._autocommit: Engine = self.engine.execution_options(begin=None)
            self.engines: tuple[Engine, ...] = (self.engine,)
        else:
            self._direct = connect(_BY_KEY, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._autocommit = connect(
                reads_only=True,
                isolation_level="AUTOCOMMIT",
                pool_reset_on_return=None,
                **_pool(share.queries, _KEPT_QUERIES),
            )
            self.engines = (self.engine, self._direct, self._autocommit)
        event.listen(self._reader, "before_cursor_execute", _give_way)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session with one consistent view of the data, which can change nothing."""
        with self._noting_outages("reading"), Session(self._reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block, or rolls back if the block raises.

        Listeners are notified after the commit.
        """
        with Session(self._writer, expire_on_commit=False) as session:
            with self._noting_outages("writing"), session.begin():
                yield session
            if changed := frozenset(session.info.get(CHANGED, ())):
                self.notify(changed)

    def notify(self, changed: frozenset[int]) -> None:
        """Notify the listeners of a commit that did not go through :meth:`write`."""
        for listener in self._listeners:
            listener(changed)

    def listen(self, listener: Callable[[frozenset[int]], None]) -> None:
        """Call `listener` after each commit of this process that changed consumption, with the ids of the licenses."""
        self._listeners.append(listener)

    def query(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return the rows of one statement that only reads, in one round trip, without a transaction around it.

        Args:
            statement: SQL as the driver takes it: parameters are ``:name`` on SQLite and ``%(name)s`` on PostgreSQL.
            parameters: The values of the parameters.
        """
        with self._noting_outages("reading"):
            try:
                return self._query(statement, parameters)
            except sa_errors.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._query(statement, parameters)  # an idle connection broke, and with it the whole pool

    def _query(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Row[*tuple[Any, ...]]]:
        with self._autocommit.connect() as connection:
            return connection.exec_driver_sql(statement, dict(parameters)).all()

    @property
    def has_outage(self) -> bool:
        """An outage that the log has a line about lasts."""
        return bool(self._outages)

    @contextmanager
    def _noting_outages(self, work: Work) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if is_away(error) and not is_deadlock(error) and not is_cut_off(error):
                self._outages.begin(work, error)
            raise
        self._outages.end(work)

    @contextmanager
    def direct(self) -> Iterator[Connection]:
        """Open a connection on which each statement is a transaction, for statements written by hand.

        On PostgreSQL the connection keeps one plan for each statement, and finds rows by their keys even if a table was
        small when the plan was made.
        """
        with self._noting_outages("reading"):
            opened = self._direct.connect()
        with opened as connection:
            yield connection

    def close(self) -> None:
        """Close all idle connections."""
        self._autocommit.dispose()
        self._direct.dispose()
        self.engine.dispose()


def is_away(error: BaseException) -> bool:
    """Return whether an error means that the database is away, locked or full, so that another try may succeed."""
    if isinstance(error, sa_errors.TimeoutError):  # no connection of the pool became free
        return True
    if isinstance(error, sa_errors.DBAPIError) and is_away_state(error.orig):
        return True
    if not isinstance(error, sa_errors.OperationalError):
        return False
    # SQLite raises the same class for wrong statements.
    return not isinstance(error.orig, sqlite3.Error) or error.orig.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR


def is_cut_off(error: BaseException) -> bool:
    """Return whether PostgreSQL ended a statement that took longer than `statement_timeout`."""
    return isinstance(error, sa_errors.DBAPIError) and getattr(error.orig, "sqlstate", None) == "57014"


def is_deadlock(error: BaseException) -> bool:
    """Return whether PostgreSQL ended a transaction because of a deadlock, so that another try succeeds at once."""
    return isinstance(error, sa_errors.DBAPIError) and getattr(error.orig, "sqlstate", None) == "40P01"


def _give_way(*_: Any) -> None:
    """Let short work go first before each statement of a session that only reads, and so makes nobody wait."""
    give_way()


def _sqlite_engine(url: URL) -> Engine:
    if url.database:
        _create_private(Path(url.database))
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), pool_size=16, max_overflow=32)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the hook below begins transactions, not the driver
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)
        # SQLite's own lower() changes ASCII letters only.
        connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if begin := connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"):
            connection.exec_driver_sql(begin)

    return engine


def _create_private(file: Path) -> None:
    """Create a database file that only this user can read, in a folder of the same kind; keep what exists.

    SQLite gives its further files the mode of the database.
    """
    if not file.parent.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        # Another process may have created the file since.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def _pool(most: int, kept: int) -> dict[str, Any]:
    size = min(most, kept)
    return {"pool_size": size, "max_overflow": most - size}


def _postgresql_engine(
    url: URL, lost_seconds: int, hosts: HostOrder, options: str = "", *, reads_only: bool = False, **more: Any
) -> Engine:
    arguments = connect_arguments(url, lost_seconds, f"{_SESSION} {options}", reads_only=reads_only)
    if is_pooled(url):
        arguments = pooled_arguments(arguments)
        url = url.difference_update_query([PARAMETER, "options"])
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        use_native_hstore=False,  # no column has the type, for which each engine would query the catalogue
        connect_args=arguments,
        **more,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_: Dialect, __: Any, arguments: list[Any], parameters: dict[str, Any]) -> ReplicatedConnection:
        connection: ReplicatedConnection = hosts.connect(partial(ReplicatedConnection.connect, *arguments), parameters)
        connection.watch()
        return connection

    @event.listens_for(engine, "handle_error")
    def _drop_connections(context: ExceptionContext) -> None:
        # A server that became a replica answers, also to the ping of the pool.
        if is_away_state(context.original_exception):
            context.is_disconnect = True

    return engine
