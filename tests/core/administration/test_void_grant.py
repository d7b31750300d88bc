"""Voiding grants of credits: what is left of them, or all of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, select

from core.administration.inputs import VoidInput
from core.administration.void_grant import void_grant
from core.alerts.tables import Alert
from core.consumption.readings.status import UsageStatus
from core.credits.tables import CreditNotice
from core.errors import InvalidInput
from core.licenses.tables import Grant
from tests.fixtures.engine import NOW, Engine, usage_event

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONG_AGO = NOW - 20 * DAY


def void(engine: Engine, grant: str, *, all: bool = False, note: str = "why", now: datetime = NOW) -> Grant:
    with engine.database.write() as session:
        return void_grant(session, VoidInput("acme", grant, note, all), "an operator", now)


def codes(engine: Engine, grant: str, **rest: Any) -> list[tuple[str, tuple[str, ...]]]:
    with pytest.raises(InvalidInput) as refused:
        void(engine, grant, **rest)
    return [(problem.code, problem.path) for problem in refused.value.problems]


def figures(engine: Engine) -> tuple[Decimal | None, Decimal | None, Mapping[str, Decimal]]:
    reading = engine.reading("sms_credits")
    return reading.limit, reading.used, reading.grants


@pytest.fixture
def granted(engine: Engine) -> Engine:
    """A license with a grant of 100 of long ago, of which 40 are spent."""
    engine.license()
    engine.grant("acme", "g", 100, granted_at=LONG_AGO, now=LONG_AGO)
    engine.send(usage_event("sms.sent", time=NOW - 3 * DAY, quantity=40))
    engine.refresh()
    assert figures(engine) == (100, 40, {"g": 60})
    return engine


def test_what_is_left_of_a_grant_is_void_and_what_it_paid_stays_paid(granted: Engine) -> None:
    voided = void(granted, "g")
    assert (voided.voided_at, voided.voided_by, voided.void_note, voided.voided_all) == (
        NOW,
        "an operator",
        "why",
        False,
    )
    later = NOW + HOUR
    granted.refresh(now=later)
    assert figures(granted) == (0, 0, {"g": 0})
    granted.send(usage_event("sms.sent", time=later, quantity=5), now=later)
    granted.refresh(now=later)
    assert granted.reading("sms_credits").overage == 5
    # The past is as it was.
    assert granted.past_readings(NOW.date() - DAY, now=later)["sms_credits"].grants == {"g": 60}


def test_a_grant_voided_as_a_whole_never_paid_anything(granted: Engine) -> None:
    granted.grant("acme", "other", 30, granted_at=NOW - 2 * DAY, now=NOW - 2 * DAY)
    granted.refresh()
    void(granted, "g", all=True)
    granted.refresh()
    reading = granted.reading("sms_credits")
    assert (figures(granted), reading.overage) == ((30, 40, {"other": 0}), 10)
    assert granted.past_readings(NOW.date() - 3 * DAY)["sms_credits"].overage == 40
    # History of the days since the grant is measured again.
    days = {at.date(): used for at, used, _ in granted.history("sms_credits", until=NOW)}
    assert (days[NOW.date() - 3 * DAY], days[NOW.date() - DAY]) == (40, 40)


def test_a_grant_voided_in_part_can_be_voided_as_a_whole_but_not_the_other_way(granted: Engine) -> None:
    void(granted, "g")
    assert void(granted, "g", all=True, note="all of it").voided_all
    granted.refresh()
    assert granted.reading("sms_credits").overage == 40
    assert codes(granted, "g") == [("ALREADY_VOIDED", ("grant",))]


def test_voiding_again_in_the_same_way_changes_nothing(granted: Engine) -> None:
    first = void(granted, "g")
    again = void(granted, "g", now=NOW + HOUR)
    assert again.voided_at == first.voided_at == NOW
    assert codes(granted, "g", note="another reason") == [("ALREADY_VOIDED", ("grant",))]


def test_a_retry_of_the_grant_finds_the_voided_grant_and_does_not_revive_it(granted: Engine) -> None:
    void(granted, "g")
    granted.grant("acme", "g", 100, granted_at=LONG_AGO, now=NOW + HOUR)
    granted.refresh(now=NOW + HOUR)
    assert figures(granted)[2] == {"g": 0}


def test_a_grant_that_has_expired_or_not_begun_is_voided_as_well(engine: Engine) -> None:
    engine.license()
    engine.grant("acme", "over", 10, granted_at=LONG_AGO, expires_at=NOW - DAY, now=LONG_AGO)
    engine.grant("acme", "coming", 10, granted_at=NOW + DAY)
    engine.grant("acme", "stays", 7, granted_at=LONG_AGO, now=LONG_AGO)
    for key in ("over", "coming"):
        void(engine, key)
    engine.refresh(now=NOW + 2 * DAY)
    assert figures(engine) == (7, 0, {"over": 0, "coming": 0, "stays": 7})


def test_a_voided_grant_sends_no_notice_of_its_expiry(granted: Engine) -> None:
    granted.grant("acme", "soon", 10, granted_at=LONG_AGO, expires_at=NOW + 40 * DAY, now=LONG_AGO)
    void(granted, "soon")
    due = granted.refresh(now=NOW + HOUR)
    assert due[granted.id()] > NOW + HOUR
    granted.refresh(now=NOW + 35 * DAY)
    with granted.database.read() as session:
        assert session.exec(select(CreditNotice.grant_id)).all() == []


def test_alerts_follow_when_a_grant_is_voided(granted: Engine) -> None:
    granted.grant("acme", "more", 50, granted_at=NOW - DAY, now=NOW - DAY)
    void(granted, "g", all=True)
    granted.send(usage_event("sms.sent", quantity=20))
    granted.refresh()
    reading = granted.reading("sms_credits")
    assert (reading.status, reading.overage) == (UsageStatus.EXCEEDED, 10)
    with granted.database.read() as session:
        [alert] = session.exec(select(Alert).where(col(Alert.recovered_at).is_(None)))
    assert alert.meter == "sms_credits"


@pytest.mark.parametrize(
    ("grant", "note", "expected"),
    [
        ("h", "why", [("UNKNOWN_GRANT", ("grant",))]),
        ("g\x00", "", [("BAD_INPUT", ("grant",)), ("BAD_INPUT", ("note",))]),
        ("g", "x" * 1001, [("BAD_INPUT", ("note",))]),
    ],
)
def test_a_void_that_cannot_be_is_refused_by_name(
    granted: Engine, grant: str, note: str, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert codes(granted, grant, note=note) == expected
    granted.refresh()
    assert figures(granted)[2] == {"g": 60}


def test_a_license_that_does_not_exist_is_refused_by_name(engine: Engine) -> None:
    assert codes(engine, "g") == [("UNKNOWN_LICENSE", ("license",))]
