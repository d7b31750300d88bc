"""Whatever comes in, whenever and in whatever order, the ends of past days are those of a plain recount."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from core.consumption.readings.judging import round_number
from core.usage.recount import recount
from core.usage.tables import StoredCheckpoint
from tests.core.usage.test_plain_recount import TERMS, raw_events
from tests.fixtures import plain
from tests.fixtures.engine import NOW, Engine, new_key
from tests.fixtures.plain import PlainLicense
from tests.forms import examples

ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Europe/Brussels", "Pacific/Kiritimati")
BEGAN = NOW - timedelta(days=20)
# Often at the same hour, a little before and after midnight somewhere, and days apart.
MOMENTS = st.one_of(
    st.integers(0, 20 * 24 * 60).map(lambda minutes: BEGAN + timedelta(minutes=minutes)),
    st.tuples(st.integers(1, 20), st.sampled_from([0, 3.5, 10, 11, 18.25, 23]), st.integers(-20, 20)).map(
        lambda parts: (
            datetime.combine(BEGAN.date(), datetime.min.time(), NOW.tzinfo)
            + timedelta(days=parts[0], hours=parts[1], minutes=parts[2])
        )
    ),
)
STEPS = st.lists(st.tuples(MOMENTS, st.lists(raw_events(MOMENTS), max_size=6), st.booleans()), min_size=1, max_size=12)


@examples(15)
@given(
    STEPS,
    st.sampled_from(ZONES),
    st.builds(date, st.integers(2024, 2025), st.integers(1, 12), st.sampled_from([1, 2, 14, 28])),
    st.sampled_from([1, 3, 12]),
)
def test_the_ends_of_past_days_are_those_of_a_plain_recount(
    engine: Engine, steps: list[tuple[datetime, list[dict[str, Any]], bool]], zone: str, starts_on: date, months: int
) -> None:
    license = PlainLicense(new_key(), zone, starts_on, months, "CONTRACT_DATE", TERMS, Fraction(0))
    engine.license(
        license.key, zone, TERMS, starts_on=starts_on, effective_from=date(2020, 1, 1), billing_period=f"P{months}M"
    )
    events: list[dict[str, Any]] = []
    for moment, raws, refreshed in sorted(steps, key=lambda step: step[0]):
        if moment > NOW:
            continue
        # What is of the future is refused at the door.
        past = [raw for raw in raws if raw["time"] <= moment]
        sent = [{**raw, "license": license.key, "id": f"{len(events) + n}"} for n, raw in enumerate(past)]
        events += sent
        engine.backfill(*sent, now=moment)
        if refreshed:
            engine.refresh(license.key, now=moment)
    engine.refresh(license.key, now=NOW)

    loaded = engine.loaded(license.key)
    for meter in ("interactions", "profiles", "sms_credits"):
        points = {at: used for at, used, _ in engine.history(meter, license.key)}
        for at, used in points.items():
            day = at.astimezone(ZoneInfo(zone)).date()
            if at == loaded.end_of(day):
                expected = plain.readings(license, events, day)[meter].used
                assert (None if used is None else Fraction(used)) == (
                    None if expected is None else Fraction(round_number(expected))
                ), (meter, day)
    with engine.database.read() as session:
        assert list(recount(session, engine.id(license.key), engine.runtime.registry.event_types)) == []
        assert session.get(StoredCheckpoint, engine.id(license.key))
