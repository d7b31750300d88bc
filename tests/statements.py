"""What SQLAlchemy finds out and compiles for an engine, kept for all engines of a run.

An engine asks its server for version and settings when it first connects, and compiles each statement once. A server of
Allowance has the same engines for all of its life. Tests have up to three each, and so never ran what a server runs:
statements that were compiled before.
"""

from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

COMPILED: Final[LRUCache[object, object]] = LRUCache(5000)
SERVERS: Final[dict[tuple[str, int], dict[str, Any]]] = {}
"""What the dialect found out, by the host and port of the server."""

_initialize = PGDialect_psycopg.initialize


def pytest_configure() -> None:
    Engine._compiled_cache = property(lambda engine: COMPILED, lambda engine, own: None)  # type: ignore[assignment]
    for dialect in (PGDialect_psycopg, SQLiteDialect_pysqlite):  # keys of the cache hold the dialect of the engine
        dialect.__eq__ = _is_like  # type: ignore[method-assign, assignment]
        dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign, assignment]
    PGDialect_psycopg.initialize = _initialize_once  # type: ignore[method-assign]


def _is_like(dialect: Any, other: Any) -> bool:
    """Return whether statements that were compiled for one dialect suit the other."""
    return type(dialect) is type(other) and dialect.server_version_info == other.server_version_info


def _initialize_once(dialect: PGDialect_psycopg, connection: Connection) -> None:
    server = connection.connection.driver_connection.info  # type: ignore[union-attr]
    place = (server.host, server.port)
    if place not in SERVERS:
        before = dict(vars(dialect))
        _initialize(dialect, connection)
        SERVERS[place] = {
            name: value for name, value in vars(dialect).items() if name not in before or before[name] is not value
        }
    vars(dialect).update(SERVERS[place])
