"""After a window was shortened nobody is told to come back after its end."""

from datetime import UTC, date, datetime

from core.licenses.quota_terms import QuotaTerms
from tests.core.admission.conftest import METER, Desk
from tests.fixtures.engine import Engine


def test_a_refused_installation_comes_back_when_the_shorter_window_ends(engine: Engine) -> None:
    engine.license(terms={METER: 1})
    desk = Desk(engine)
    assert desk.decisions("a", "b") == ["ADMITTED", "BACK_OFF"]
    twenty_days = ((METER, QuotaTerms(window="P20D")),)
    engine.contract("acme", {METER: 1}, starts_on=date(2026, 3, 1), quotas=twenty_days, now=desk.now)
    desk.wait(seconds=5)
    answer = desk.check_in("b")
    report = desk.whole_report()
    assert report is not None
    assert answer.back_off is not None
    assert report.window.end == datetime(2026, 3, 21, tzinfo=UTC)
    assert answer.back_off.retry_at <= report.window.end
    desk.admitter.close()


def test_a_shorter_back_off_of_the_contract_holds_for_those_refused_before(engine: Engine) -> None:
    engine.license(terms={METER: 1})
    desk = Desk(engine)
    assert desk.decisions("a", "b") == ["ADMITTED", "BACK_OFF"]
    engine.contract("acme", {METER: 1}, quotas=((METER, QuotaTerms(back_off_days=2)),), now=desk.now)
    desk.wait(seconds=5)
    answer = desk.check_in("b")
    assert answer.back_off is not None
    assert answer.back_off.days <= 2
    desk.admitter.close()
