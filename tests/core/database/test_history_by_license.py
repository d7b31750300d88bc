"""The migration of history: every point is carried over."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import text

from core.database.engine import Database
from core.database.types import UtcDateTime
from core.database.upgrade import upgrade
from tests.fixtures.engine import NOW, Engine

HOUR = timedelta(hours=1)
COLUMNS = ("license_id", "meter", "at", "used", "limit", "status")


def test_points_of_before_are_read_as_they_were(engine: Engine, database: Database) -> None:
    engine.license()
    engine.license("globex")
    points = [
        {
            "license_id": engine.id(key),
            "meter": meter,
            "at": NOW + number * HOUR,
            "used": used,
            "limit": limit,
            "status": status,
        }
        for key in ("acme", "globex")
        for number, (meter, used, limit, status) in enumerate(
            [
                ("forms", "3", "12.50", "OK"),
                ("forms", "13", "12.50", "EXCEEDED"),
                ("users", None, None, "UNKNOWN"),
                ("users", "90071992547409920.000000001", None, "OK"),
            ]
        )
    ]
    put_back(database)
    insert = text(
        'INSERT INTO reading_point (license_id, meter, at, used, "limit", status) '
        "VALUES (:license_id, :meter, :at, :used, :limit, :status)"
    )
    with database.write() as session:
        kept = UtcDateTime()
        dialect = session.get_bind().dialect
        session.execute(insert, [{**one, "at": kept.process_bind_param(one["at"], dialect)} for one in points])

    upgrade(database)

    for key in ("acme", "globex"):
        assert engine.history("forms", key) == [(NOW + HOUR, Decimal(13), "EXCEEDED")]
        assert engine.points("forms", key) == [NOW, NOW + HOUR]
        assert engine.history("users", key) == [(NOW + 3 * HOUR, Decimal("90071992547409920.000000001"), "OK")]
        assert engine.points("users", key) == [NOW + 2 * HOUR, NOW + 3 * HOUR]


def put_back(database: Database) -> None:
    """The schema as it was before, as far as it matters."""
    at = "TIMESTAMP" if database.is_sqlite else "TIMESTAMP WITH TIME ZONE"
    with database.write() as session:
        for statement in (
            "DROP TABLE reading_history",
            "DROP TABLE settled_usage",
            f'CREATE TABLE reading_point (license_id BIGINT, meter VARCHAR, at {at}, used VARCHAR, "limit" VARCHAR, '
            "status VARCHAR NOT NULL, PRIMARY KEY (license_id, meter, at))",
            "UPDATE alembic_version SET version_num = '0002'",
        ):
            session.execute(text(statement))
