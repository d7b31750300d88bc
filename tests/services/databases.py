"""Fresh databases for tests: migrated once, then copied for each test."""

import itertools
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
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


@contextmanager
def postgres_databases(
    server_url: str, migrate: Callable[[str], object]
) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Migrate one database on the server, and yield a function whose block has a copy of it, by its URL.

    A copy is dropped with its block, whoever is still connected to it. What killed runs left on the server is
    dropped first.

    Parameters:
        server_url: a database to connect to, as a user who may create others.
        migrate: takes the URL of an empty database and brings it to the schema that tests want. It has to
            close its connections: PostgreSQL does not copy a database that is in use.
    """
    run = PREFIX + secrets.token_hex(4)
    with psycopg.connect(server_url, autocommit=True, application_name=run) as server:
        _drop_leftovers(server)
        template = f"{run}_template"
        # template0, since somebody may be connected to template1, which then cannot be copied.
        with _database(server, server_url, template, copy_of="template0") as template_url:
            migrate(template_url)
            numbers = itertools.count(1)

            def new() -> AbstractContextManager[str]:
                return _database(server, server_url, f"{run}_{next(numbers)}", copy_of=template)

            yield new


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
