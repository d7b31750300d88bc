"""A corrected time zone takes no place away, and opens no window anew."""

from itertools import permutations

import pytest

from core.licenses.quota_terms import QuotaTerms
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import NOW, Engine

OWN = ((METER, QuotaTerms(window="P1M")),)
ZONES = ("UTC", "America/Los_Angeles", "Pacific/Honolulu", "Asia/Tokyo", "Pacific/Kiritimati", "Etc/GMT+12")


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_an_open_window_of_the_contract_keeps_its_places(engine: Engine, zone: str) -> None:
    engine.license(terms={METER: 2}, quotas=OWN)
    desk = Desk(engine)
    assert desk.decisions("a", "b", "c") == ["ADMITTED", "ADMITTED", "BACK_OFF"]
    engine.license("acme", zone, now=desk.now)
    desk.wait(seconds=5)
    assert desk.decisions("a", "b", "c") == ["KNOWN", "KNOWN", "BACK_OFF"]
    assert desk.report()[0] == 2
    desk.close()


@pytest.mark.parametrize("quotas", [(), OWN])
def test_places_taken_on_a_day_that_has_not_begun_in_the_new_zone_stay(
    engine: Engine, quotas: tuple[tuple[str, QuotaTerms], ...]
) -> None:
    engine.license("acme", "Pacific/Kiritimati", {METER: 3}, quotas=quotas)
    desk = Desk(engine)
    assert desk.decisions("a", "b") == ["ADMITTED", "ADMITTED"]
    engine.refresh(now=desk.now)
    assert engine.reading(METER).used == 2
    engine.license("acme", "Pacific/Honolulu", now=desk.now)
    engine.refresh(now=desk.now)
    assert engine.reading(METER).used == 2
    desk.close()


@pytest.mark.parametrize("zones", list(permutations(ZONES, 3))[::7])
def test_any_sequence_of_zones_leaves_one_window_until_its_last_day(engine: Engine, zones: tuple[str, ...]) -> None:
    engine.license("acme", zones[0], {METER: 1}, quotas=OWN)
    desk = Desk(engine)
    assert desk.decisions("a", "b") == ["ADMITTED", "BACK_OFF"]
    for zone in (*zones[1:], zones[0]):
        engine.license("acme", zone, now=desk.now)
        desk.wait(hours=5)
        assert desk.decisions("b") == ["BACK_OFF"]
    desk.now = NOW.replace(month=4, day=2)
    desk.wait(seconds=5)
    assert desk.decisions("b") == ["ADMITTED"]
    desk.close()
