"""The database goes away: nobody is told a guess, and whom the license lets through is told so."""

from collections.abc import Callable

import pytest

from core.admission.check_in import CheckIn, Decision
from core.database.engine import Database
from core.errors import Unavailable
from tests.core.admission.conftest import Desk
from tests.fixtures.outage import away, end_connections
from tests.services.finder import Services

Quota = Callable[..., int]
PASSES = CheckIn(Decision.KNOWN, None, None, None, outage=True)

pytestmark = [
    pytest.mark.needs("postgres"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


def refused(desk: Desk, installation: str) -> bool:
    with pytest.raises(Unavailable) as error:
        desk.check_in(installation)
    assert (error.value.code, error.value.status, error.value.retry_after) == ("UNAVAILABLE", 503, 5)
    return True


@pytest.fixture
def forgetful(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose servers believe nothing that was read before."""
    monkeypatch.setattr("core.admission.quota_state.FRESH_SECONDS", -1.0)
    return desk


def test_while_the_database_is_away_nobody_is_told_anything(forgetful: Desk, quota: Quota, services: Services) -> None:
    desk = forgetful
    quota(2)
    assert desk.decisions("a") == ["ADMITTED"]
    with away(services.url("postgres"), desk.engine.database):
        assert refused(desk, "a")
        assert refused(desk, "b")
    assert desk.decisions("a", "b", "c") == ["KNOWN", "ADMITTED", "BACK_OFF"]


def test_a_license_may_let_those_through_who_had_a_place(forgetful: Desk, quota: Quota, services: Services) -> None:
    desk = forgetful
    quota(1, on_outage="LET_THROUGH")
    assert desk.decisions("a", "b") == ["ADMITTED", "BACK_OFF"]
    with away(services.url("postgres"), desk.engine.database):
        assert desk.check_in("a") == PASSES
        assert refused(desk, "b")
        assert refused(desk, "new")
        desk.now = desk.now.replace(month=4)  # the next window began meanwhile
        assert desk.check_in("a") == PASSES
        desk.now = desk.now.replace(month=5)  # and the one after it: a had no place in the last one
        assert refused(desk, "a")
    assert [window.used for window in desk.windows()] == [1]
    assert desk.decisions("b", "a") == ["ADMITTED", "BACK_OFF"]


def test_a_server_that_never_heard_of_an_installation_lets_nobody_through(
    forgetful: Desk, quota: Quota, services: Services
) -> None:
    desk = forgetful
    quota(1, on_outage="LET_THROUGH")
    desk.check_in("a")
    desk.admitter = desk.server(Database(str(desk.engine.runtime.settings.database_url)))
    with away(services.url("postgres"), desk.engine.database):
        assert refused(desk, "a")
    assert desk.decisions("a") == ["KNOWN"]


def test_an_outage_has_one_line_for_any_number_of_check_ins(
    desk: Desk, quota: Quota, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    quota(1)
    desk.check_in("a")
    with away(services.url("postgres"), desk.engine.database):
        for number in range(5):
            assert refused(desk, f"new {number}")
    assert desk.decisions("new") == ["BACK_OFF"]
    lines = [record.message for record in caplog.records]
    assert sum("the database is away, reading fails" in line for line in lines) == 1
    assert sum("the database answers again, reading" in line for line in lines) == 1
    assert not [line for line in lines if "could not be" in line]


def test_a_connection_that_was_ended_between_two_calls_is_opened_again(
    forgetful: Desk, quota: Quota, services: Services
) -> None:
    desk = forgetful
    quota(2)
    assert desk.decisions("a") == ["ADMITTED"]
    end_connections(services.url("postgres"), desk.engine.database)
    assert desk.decisions("a", "b", "c") == ["KNOWN", "ADMITTED", "BACK_OFF"]
