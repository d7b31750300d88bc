from collections.abc import Iterator
from pathlib import Path

import pytest

from core.migrations.upgrade import HEAD
from tests.cli.command import Outcome, process
from tests.services.databases import postgres_databases
from tests.services.finder import Services


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/allowance.db"
        return
    services: Services = request.getfixturevalue("services")
    with postgres_databases(services.url("postgres"), lambda _: None) as new, new() as url:
        yield url


def ran(*arguments: str, cwd: Path, url: str) -> Outcome:
    with process(*arguments, cwd=cwd, database_url=url) as running:
        out, _ = running.popen.communicate(timeout=60)
    return Outcome(running.popen.returncode, out, "")


def test_migrate_brings_the_schema_and_again_changes_nothing(bare_url: str, tmp_path: Path) -> None:
    first = ran("migrate", cwd=tmp_path, url=bare_url)
    again = ran("migrate", cwd=tmp_path, url=bare_url)
    for migrated in (first, again):
        assert migrated.code == 0
        assert migrated.out.splitlines()[-1].endswith(f" has the schema of this version ({HEAD}).")
    assert "Running upgrade  -> 0001" in first.out
    assert "Running upgrade" not in again.out
    assert ran("keys", "list", cwd=tmp_path, url=bare_url).code == 0


@pytest.mark.parametrize("bare_url", [pytest.param("postgresql", marks=pytest.mark.needs("postgres"))], indirect=True)
def test_without_it_a_database_server_is_refused_with_what_to_do(bare_url: str, tmp_path: Path) -> None:
    refused = ran("keys", "list", cwd=tmp_path, url=bare_url)
    assert (refused.code, refused.out) == (
        1,
        "The database's schema is not the one of this version. Run 'allowance migrate' and start again.\n",
    )


@pytest.mark.long
@pytest.mark.parametrize("bare_url", ["sqlite"], indirect=True)
def test_the_embedded_database_needs_none(bare_url: str, tmp_path: Path) -> None:
    assert ran("keys", "list", cwd=tmp_path, url=bare_url).code == 0
