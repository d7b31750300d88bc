"""Bringing a database to the schema of this version, by Alembic's migrations."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.database.engine import Database
from core.errors import SchemaNotCurrent

MIGRATIONS: Final = Path(__file__).parent


def upgrade(database: Database) -> None:
    """Apply the migrations that the database lacks, all in one transaction; one upgrade at a time."""
    config = _config()
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('allowance migrate'))")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the database has the schema of this version."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


def require_current(database: Database) -> None:
    """Raise :class:`SchemaNotCurrent` unless the database has the schema of this version."""
    if not is_current(database):
        raise SchemaNotCurrent(
            "The database's schema is not the one of this version. Run 'allowance migrate' and start again."
        )


def head() -> str:
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
