"""A search finds a name by itself, whatever its case, on every database and collation."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.consumption.list_licenses import LicenseFilter, LicenseOrder, list_licenses
from core.database.engine import Database
from core.migrations.upgrade import upgrade
from tests.fixtures.engine import NOW, Engine
from tests.services.databases import PREFIX
from tests.services.finder import Services

NAMES = ["İSTANBUL Ulaşım", "Électricité de Suresnes", "ΟΔΟΣ", "Straße 5", "ǅungla", "Ａｃｍｅ", "plain"]
CHANGES: list[Callable[[str], str]] = [str, str.lower, str.upper, str.casefold, str.title]
LOCALES = {
    "C": "LOCALE_PROVIDER libc LOCALE 'C'",
    "Turkish": "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'",
    "any case": "LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level2' LOCALE 'C'",
}


def put_names(database: Database) -> None:
    with database.write() as session:
        for number, one in enumerate(NAMES):
            put_license(session, LicenseInput(f"l{number}", one), NOW)


def search(database: Database, text: str) -> list[str]:
    with database.read() as session:
        found = list_licenses(session, LicenseFilter(NOW, search=text), order=LicenseOrder.KEY, most=10)
    return [place.key for _, place in found]


@pytest.fixture(params=LOCALES)
def localized(services: Services, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A PostgreSQL database that compares texts by the rules of a locale."""
    server_url, name = services.url("postgres"), f"{PREFIX}{secrets.token_hex(4)}"
    template = f"CREATE DATABASE {{}} TEMPLATE template0 ENCODING 'UTF8' {LOCALES[request.param]}"
    with psycopg.connect(server_url, autocommit=True, application_name=name) as server:
        try:
            server.execute(sql.SQL(template).format(sql.Identifier(name)))  # type: ignore[arg-type]
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidParameterValue) as error:
            pytest.skip(f"the server lacks the locale: {error}")
        try:
            with closing(Database(urlsplit(server_url)._replace(path=f"/{name}").geturl())) as database:
                upgrade(database)
                yield database
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_a_name_finds_itself(engine: Engine, name: str, change: Callable[[str], str]) -> None:
    put_names(engine.database)
    assert search(engine.database, change(name)) == [f"l{NAMES.index(name)}"]


@pytest.mark.needs("postgres")
def test_a_name_finds_itself_whatever_the_locale_of_the_database(localized: Database) -> None:
    put_names(localized)
    for number, name in enumerate(NAMES):
        assert [search(localized, change(name)) for change in CHANGES] == [[f"l{number}"]] * len(CHANGES)
