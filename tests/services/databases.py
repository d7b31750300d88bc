"""Fresh databases for tests: migrated once, copied when another is needed, emptied and used again after a test."""

import itertools
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

PREFIX = "allowance_test_"
"""How the names of the databases begin that these functions create, and drop, on a server."""

# A run's databases are named after the session that creates them, which lasts as long as they are wanted.
LEFTOVERS = """
    SELECT database.datname FROM pg_database AS database
    WHERE starts_with(database.datname, %s)
    AND database.datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    AND NOT EXISTS (
        SELECT FROM pg_stat_activity AS session
        WHERE session.application_name <> ''
        AND starts_with(database.datname, session.application_name || '_')
    )
"""


@contextmanager
def sqlite_databases(migrate: Callable[[str], object]) -> Iterator[Callable[[Path], str]]:
    """Migrate one SQLite file, and yield a function that copies it to a path and returns the copy's URL.

    Parameters:
        migrate: takes the URL of an empty database and brings it to the schema that tests want.
    """
    with tempfile.TemporaryDirectory(prefix="allowance-sqlite-") as directory:
        template = Path(directory, "template.db")
        migrate(f"sqlite:///{template}")
        with closing(sqlite3.connect(template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        def new(path: Path) -> str:
            shutil.copyfile(template, path)
            return f"sqlite:///{path.absolute()}"

        yield new


# What a test may have changed besides rows. A database that differs in it from its template is not used again.
SHAPE = """
    SELECT
        ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1),
        (SELECT count(*) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped),
        (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
        (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
        (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase IN (
            SELECT oid FROM pg_database WHERE datname = current_database()))
"""

TABLES = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY 1
"""

END_SESSIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

RESTART_SEQUENCES = """
    SELECT setval(oid::regclass, 1, false) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
"""


@contextmanager
def postgres_databases(
    server_url: str, migrate: Callable[[str], object]
) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Migrate one database on the server, and yield a function whose block has a copy of it, by its URL.

    At the end of its block a copy is emptied, whoever is still connected to it is cut off, and a later block uses it
    again: deleting rows takes milliseconds, creating a database up to half a second. All copies are dropped in the
    end. What killed runs left on the server is dropped first.

    Parameters:
        server_url: a database to connect to, as a user who may create others.
        migrate: takes the URL of an empty database and brings it to the schema that tests want. It has to
            close its connections: PostgreSQL does not copy a database that is in use.
    """
    run = PREFIX + secrets.token_hex(4)
    with psycopg.connect(server_url, autocommit=True, application_name=run) as server:
        _drop_leftovers(server)
        # template0, since somebody may be connected to template1, which then cannot be copied.
        with _database(server, server_url, f"{run}_template", copy_of="template0") as template_url, ExitStack() as made:
            migrate(template_url)
            with psycopg.connect(template_url, autocommit=True) as template:
                emptying = _Emptying.of(template)
            idle: list[_Copy] = []
            numbers = itertools.count(1)

            @contextmanager
            def new() -> Iterator[str]:
                with ExitStack() as block:
                    if idle:
                        copy = idle.pop()
                    else:
                        name = f"{run}_{next(numbers)}"
                        url = block.enter_context(_database(server, server_url, name, copy_of=f"{run}_template"))
                        copy = block.enter_context(closing(_Copy(url)))
                    yield copy.url
                    if copy.empty(emptying):
                        idle.append(copy)
                        made.push(block.pop_all())

            yield new


@dataclass(frozen=True)
class _Emptying:
    """Brings the rows of a copy back to those of its template."""

    shape: tuple[object, ...]
    deletion: sql.SQL | sql.Composed
    """One statement: foreign keys are checked at its end, so that the order of the tables is nothing to care for."""
    rows: dict[str, str] = field(default_factory=dict)
    """What the template holds, as JSON by table; most tables hold nothing."""

    @classmethod
    def of(cls, template: psycopg.Connection[tuple[object, ...]]) -> "_Emptying":
        tables = [str(name) for (name,) in template.execute(TABLES)]
        deletions = [
            sql.SQL("{} AS (DELETE FROM {})").format(sql.Identifier(f"emptied_{name}"), sql.Identifier(name))
            for name in tables
        ]
        rows = {name: _rows(template, name) for name in tables}
        return cls(
            template.execute(SHAPE).fetchone() or (),
            sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(deletions)) if deletions else sql.SQL("SELECT"),
            {name: found for name, found in rows.items() if found},
        )

    def apply(self, connection: psycopg.Connection[tuple[object, ...]]) -> bool:
        """Empty the database of a connection, and return whether it is like its template again."""
        connection.execute(END_SESSIONS)
        if connection.execute(SHAPE).fetchone() != self.shape:
            return False
        connection.execute(self.deletion)
        connection.execute(RESTART_SEQUENCES)
        for name, rows in self.rows.items():
            insert = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s)")
            connection.execute(insert.format(sql.Identifier(name)), [rows])
        return True


class _Copy:
    """A copy of the template, with a connection that stays open: its first statements take most of the time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def empty(self, emptying: _Emptying) -> bool:
        """Empty it, and return whether it is like its template again."""
        if self._connection is not None:
            with suppress(
                psycopg.OperationalError
            ):  # tests end the sessions of their databases, and this one with them
                return emptying.apply(self._connection)
            self.close()
        self._connection = psycopg.connect(self.url, autocommit=True, options="-c statement_timeout=0")
        return emptying.apply(self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _rows(connection: psycopg.Connection[tuple[object, ...]], table: str) -> str:
    statement = sql.SQL("SELECT json_agg(kept)::text FROM {} AS kept").format(sql.Identifier(table))
    (found,) = connection.execute(statement).fetchone() or (None,)
    return str(found or "")


@contextmanager
def _database(
    server: psycopg.Connection[tuple[object, ...]], server_url: str, name: str, *, copy_of: str
) -> Iterator[str]:
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(copy_of)))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        _drop(server, name)


def _drop_leftovers(server: psycopg.Connection[tuple[object, ...]]) -> None:
    for (name,) in server.execute(LEFTOVERS, [PREFIX]).fetchall():
        _drop(server, str(name))


def _drop(server: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    # Two runs may come upon the same leftover.
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
