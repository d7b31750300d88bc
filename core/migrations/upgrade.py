"""Bringing a database to the schema of this version, by Alembic's migrations.

Alembic is imported where there is something to migrate: it takes longer to import than most commands take to run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect

from core.database.engine import Database
from core.database.pooler import require_fitting
from core.errors import SchemaNotCurrent

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS: Final = Path(__file__).parent
HEAD: Final = max(file.name.partition("_")[0] for file in MIGRATIONS.glob("versions/[0-9]*.py"))
"""The revision of the newest migration, which is named after it. A current database holds it in `alembic_version`."""


def upgrade(database: Database) -> None:
    """Apply the migrations that the database lacks, all in one transaction; one upgrade at a time."""
    if not database.is_sqlite:
        require_fitting(database.engine, database.pooled_settings)
    if is_current(database):
        return
    from alembic import command  # noqa: PLC0415

    config = alembic_config()
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('allowance migrate'))")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Return whether the database has the schema of this version."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return list(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()) == [HEAD]


def require_current(database: Database) -> None:
    """Raise :class:`SchemaNotCurrent` unless the database has the schema of this version.

    Raises:
        core.errors.BadSetting: A pooler in front of the database does not fit, see :mod:`core.database.pooler`.
    """
    if not database.is_sqlite:
        require_fitting(database.engine, database.pooled_settings)
    if not is_current(database):
        raise SchemaNotCurrent(
            "The database's schema is not the one of this version. Run 'allowance migrate' and start again."
        )


def prepare(database: Database) -> None:
    """Migrate an SQLite database, and require of any other that it has been migrated."""
    if database.is_sqlite:
        upgrade(database)
    else:
        require_current(database)


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """Open the database alone, prepared, and close it at the end of the block.

    For commands that need nothing else of the runtime, which takes longer to import than they take to run.
    """
    database = Database(url)
    try:
        prepare(database)
        yield database
    finally:
        database.close()


def alembic_config() -> "Config":
    """Return Alembic's configuration, which names the directory of the migrations."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
