"""Licenses that change in one process and are followed in another."""

from collections.abc import Iterator

import pytest

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.database.engine import Database
from core.licenses.tables import id_of
from tests.fixtures.engine import NOW


@pytest.fixture
def three_licenses(database: Database) -> list[int]:
    """The ids of three licenses."""
    with database.write() as session:
        put = [put_license(session, LicenseInput(key=key, name=key), NOW) for key in ("a", "b", "c")]
        return [id_of(license) for license in put]


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Database]:
    """The same database, as another process has it."""
    database = Database(database_url)
    yield database
    database.close()
