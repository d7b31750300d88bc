"""Servers and the database are killed while usage comes in: what was acknowledged is there, and counted once."""

from pathlib import Path
from random import Random

import pytest

from tests.soak.places import on_postgresql, on_sqlite
from tests.soak.run import PAUSE, soak
from tests.soak.sender import WAYS

PLACES = {"sqlite": on_sqlite, "postgresql": on_postgresql}


@pytest.mark.long
@pytest.mark.timeout(900)  # many starts after kills, and a recount
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("own-postgres"))])
def test_what_was_acknowledged_is_counted_once_through_any_number_of_kills(
    database: str, home: Path, random: Random, long_form: bool
) -> None:
    seconds, pause = (10, PAUSE) if long_form else (2, (0.5, 1.5))
    with PLACES[database](home) as place:
        report = soak(place, list(WAYS), seconds, random, pause)
    assert report.wrong == [], report
    assert sum(report.kills.values()) > 0
    assert report.notes.tally.events.keys() == {f"/{name}" for name in WAYS}
    assert report.notes.answers["none"] + report.notes.answers["away"] > 0
