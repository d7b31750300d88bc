"""The migrations make the schema that the tables say, once."""

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from core.database.engine import Database
from core.errors import SchemaNotCurrent
from core.migrations.tables import metadata
from core.migrations.upgrade import HEAD, alembic_config, is_current, require_current, upgrade
from core.runtime import open_runtime
from core.settings import Settings


def not_a_partition(name: str | None, kind: str, _: object) -> bool:
    """The ledger's parts have no tables of their own in the metadata."""
    return not (kind == "table" and re.fullmatch(r"usage_event_\d+", name or ""))


def test_a_migrated_database_is_what_the_tables_say(database: Database) -> None:
    with database.engine.connect() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_name": not_a_partition}
        context = MigrationContext.configure(connection, opts=opts)
        differences = compare_metadata(context, metadata)
        if database.is_sqlite:  # Alembic cannot read back the order of an index there, so their texts are compared
            kinds, indexes = {kind for kind, _ in differences}, {index.name for _, index in differences}
            assert kinds <= {"remove_index", "add_index"}
            assert _index_texts(connection, indexes) == _index_texts(_tables_alone(), indexes)
        else:
            assert differences == []
        assert context.get_current_revision() == HEAD
    require_current(database)


def _tables_alone() -> Connection:
    """A connection to a database in memory that was made from the tables, without migrations."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    return engine.connect()


def _index_texts(connection: Connection, names: set[str]) -> dict[str, str]:
    """The statements that made some indexes, without spaces, quotes and parentheses, which differ."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    return {name: re.sub(r'[\s"()]', "", sql).lower() for name, sql in rows if name in names}


def test_the_head_is_the_newest_of_the_migrations() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def test_upgrading_again_changes_nothing(database: Database) -> None:
    upgrade(database)
    assert is_current(database)


def test_a_database_that_is_behind_is_refused_with_the_command_that_helps(database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM alembic_version")
    assert not is_current(database)
    with pytest.raises(SchemaNotCurrent) as refused:
        require_current(database)
    assert (refused.value.code, refused.value.message) == (
        "SCHEMA_NOT_CURRENT",
        "The database's schema is not the one of this version. Run 'allowance migrate' and start again.",
    )


def test_an_embedded_database_is_made_and_upgraded_when_it_is_opened(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/data/allowance.db")
    for _ in range(2):
        with open_runtime(settings) as runtime:
            assert is_current(runtime.database)
            assert "interactions" in runtime.registry.meters


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_another_database_is_upgraded_on_command_alone(database: Database, database_url: str) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM alembic_version")
    with pytest.raises(SchemaNotCurrent), open_runtime(Settings(database_url=database_url)):
        pass
