"""The database: sessions for reading and for writing, opened and committed at the edges alone."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, create_engine, event
from sqlalchemy import exc as sa_errors
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool
from sqlmodel import Session

_POOL: Final[dict[str, Any]] = {"pool_size": 16, "max_overflow": 32, "pool_pre_ping": True}
_ASKING: Final[dict[str, Any]] = {
    "pool_size": 4, "max_overflow": 12, "isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None,
}  # fmt: skip
CHANGED: Final = "changed licenses"
"""Where a writing session notes the ids of licenses whose consumption reads otherwise once it has committed."""
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

    `read` gives one consistent view of the data and can change nothing. `write` commits at the end of the
    block, or rolls back where it raises. `engines` are those that statements are sent over.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = make_url(url)
        self.is_sqlite: Final = self.url.get_backend_name() == "sqlite"
        self.engine: Final = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url, **_POOL)
        self._writer: Engine = self.engine
        self._listeners: list[Callable[[frozenset[int]], None]] = []
        if self.is_sqlite:
            # A deferred transaction that turns into a writer fails at once where another one writes.
            self._writer = self.engine.execution_options(begin="BEGIN IMMEDIATE")
            self._reader = self.engine.execution_options(begin="BEGIN")
            self._direct: Engine = self.engine
            self._asking: Engine = self.engine.execution_options(begin=None)
            self.engines: tuple[Engine, ...] = (self.engine,)
        else:
            self._direct = _postgresql_engine(self.url, _BY_KEY, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._asking = _postgresql_engine(self.url, "-c default_transaction_read_only=on", **_ASKING)
            self.engines = (self.engine, self._direct, self._asking)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with Session(self._writer, expire_on_commit=False) as session:
            with session.begin():
                yield session
            if changed := frozenset(session.info.get(CHANGED, ())):
                self.tell(changed)

    def tell(self, changed: frozenset[int]) -> None:
        """Tell the listeners of a commit past :meth:`write`."""
        for listener in self._listeners:
            listener(changed)

    def listen(self, listener: Callable[[frozenset[int]], None]) -> None:
        """Have it called after each commit of this process that changed what is read of licenses, with their ids."""
        self._listeners.append(listener)

    def ask(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Row[*tuple[Any, ...]]]:
        """The rows of one statement that only reads, in one round trip: nothing begins, ends or checks around it.

        It is written as the driver wants it: parameters are ``:name`` on SQLite and ``%(name)s`` on PostgreSQL.
        """
        try:
            return self._ask(statement, parameters)
        except sa_errors.OperationalError as error:
            if not error.connection_invalidated:
                raise
            return self._ask(statement, parameters)  # it broke while nobody used it, and with it all of the pool's

    def _ask(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Row[*tuple[Any, ...]]]:
        with self._asking.connect() as connection:
            return connection.exec_driver_sql(statement, dict(parameters)).all()

    @contextmanager
    def direct(self) -> Iterator[Connection]:
        """A connection of its own on which each statement is a transaction, for statements written by hand.

        On PostgreSQL it keeps one plan for each, and finds rows by their keys however small a table was when the
        plan was made.
        """
        with self._direct.connect() as connection:
            yield connection

    def close(self) -> None:
        self._asking.dispose()
        self._direct.dispose()
        self.engine.dispose()


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database is away, locked or full: the same may succeed later."""
    if isinstance(error, sa_errors.TimeoutError):  # no connection of the pool came free
        return True
    if not isinstance(error, sa_errors.OperationalError):
        return False
    # SQLite says the same class where a statement is wrong.
    return not isinstance(error.orig, sqlite3.Error) or error.orig.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR


def is_cut_off(error: BaseException) -> bool:
    """Whether PostgreSQL ended a statement that took longer than the `statement_timeout` of its role or database."""
    return isinstance(error, sa_errors.DBAPIError) and getattr(error.orig, "sqlstate", None) == "57014"


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL ended a transaction that waited for another in a circle: the same succeeds at once."""
    return isinstance(error, sa_errors.DBAPIError) and getattr(error.orig, "sqlstate", None) == "40P01"


def _sqlite_engine(url: URL) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), pool_size=16, max_overflow=32)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the begin hook below says BEGIN, not the driver
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)
        # Its own knows the letters of ASCII alone.
        connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if begin := connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"):
            connection.exec_driver_sql(begin)

    return engine


def _postgresql_engine(url: URL, options: str = "", **more: Any) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": 10,
            # A frozen process must not hold its locks for ever.
            "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000 {options}",
        },
        **more,
    )
