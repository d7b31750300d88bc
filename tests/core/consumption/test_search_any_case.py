"""A search finds a name by itself, whatever its case, on every database and collation."""

import pytest

from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.consumption.list_licenses import LicenseOrder, list_licenses
from tests.fixtures.engine import NOW, Engine

NAMES = ["İSTANBUL Ulaşım", "Électricité de Suresnes", "ΟΔΟΣ", "Straße 5", "ǅungla", "Ａｃｍｅ", "plain"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [str, str.lower, str.upper, str.casefold, str.title], ids=lambda one: one.__name__)
def test_a_name_finds_itself(engine: Engine, name: str, change: type[str]) -> None:
    with engine.database.write() as session:
        for number, one in enumerate(NAMES):
            put_license(session, LicenseInput(f"l{number}", one), NOW)
    with engine.database.read() as session:
        found = list_licenses(session, order=LicenseOrder.KEY, most=10, search=change(name))
    assert [place.key for _, place in found] == [f"l{NAMES.index(name)}"]
