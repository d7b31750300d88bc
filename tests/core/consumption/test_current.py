"""What one round trip finds of a license is what the several statements of others find."""

from datetime import date

import pytest
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import event, text

from core.consumption.current import Current, load_all_current, load_current, load_versions
from core.licenses.load import load_licenses
from tests.fixtures.engine import NOW, Engine


@pytest.fixture
def acme(engine: Engine) -> int:
    license_id = engine.license(
        "acme", "Asia/Kolkata", {"active_installations": 3}, name='A "B" é', alert_at={"active_installations": ["0.5"]}
    )
    engine.contract("acme", {"active_installations": 4}, effective_from=date(2026, 4, 1))
    engine.refresh()
    return license_id


def loaded_otherwise(engine: Engine, license_id: int) -> Current:
    with engine.database.read() as session:
        licenses = load_licenses(session, [license_id], NOW)
        (found,) = load_all_current(session, licenses.values())
    return found


def test_it_is_what_several_statements_find(engine: Engine, acme: int) -> None:
    found, other = load_current(engine.database, "acme", NOW), loaded_otherwise(engine, acme)
    assert found is not None
    assert (found.version, found.readings, found.windows) == (other.version, other.readings, other.windows)
    assert (found.license.id, found.license.license, found.license.today) == (
        other.license.id,
        other.license.license,
        other.license.today,
    )
    without = {"created_at", "withdrawn_at", "withdrawn_by"}
    assert [one.model_dump(exclude=without) for one in found.license.versions] == [
        one.model_dump(exclude=without) for one in other.license.versions
    ]


@pytest.mark.parametrize("key", ["nobody", "", "a\x00b", "'; DROP TABLE license", "ACME"])
def test_a_key_that_no_license_has_finds_nothing(engine: Engine, acme: int, key: str) -> None:
    assert load_current(engine.database, key, NOW) is None


def test_it_costs_one_round_trip(engine: Engine, acme: int) -> None:
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    load_current(engine.database, "acme", NOW)
    event.listen(SqlEngine, "before_cursor_execute", note)
    load_current(engine.database, "acme", NOW)
    event.remove(SqlEngine, "before_cursor_execute", note)
    assert [statement.split()[0] for statement in sent] == ["SELECT"]


def test_versions_of_many_licenses_are_read_at_once(engine: Engine, acme: int) -> None:
    other = engine.license("globex")
    before = load_versions(engine.database, [acme, other, 999])
    assert before.keys() == {acme, other}
    assert load_versions(engine.database, []) == {}
    engine.contract("globex", {}, effective_from=date(2026, 1, 1))
    assert load_versions(engine.database, [acme, other]) == {acme: before[acme], other: before[other] + 1}


def test_a_connection_that_broke_meanwhile_is_replaced(engine: Engine, acme: int) -> None:
    load_current(engine.database, "acme", NOW)
    if not engine.database.is_sqlite:
        with engine.database.engine.begin() as connection:
            ended = connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            assert len(ended.all()) >= 1
    assert load_current(engine.database, "acme", NOW) is not None
