"""Whatever is sent, in whatever order and however often, the readings are those of a plain recount."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.consumption.readings import StoredReading, written
from core.usage.recount import recount
from tests.fixtures import plain
from tests.fixtures.engine import NOW, Engine, new_key
from tests.fixtures.plain import Plain, PlainLicense

ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Brussels")
CHANNELS = ("print", "social", "marketing_email")
TABLES = ("interaction", "linked_data")
TERMS = {"profiles": 50, "interactions_per_profile": 4, "custom_tables": 20, "goal_interactions_per_profile": 2}
EPOCH = NOW - timedelta(days=16)

AMOUNTS = st.one_of(
    st.integers(0, 30),
    st.decimals(0, 30, places=3),
    st.sampled_from([Decimal("0.000000001"), Decimal("9007199254740991.999999999"), 2**53]),
)
# Often the same few instants, some of them next to midnight in some zone, so that ties and boundaries are met.
TIMES = st.one_of(
    st.integers(0, 16 * 24 * 3600).map(lambda seconds: EPOCH + timedelta(seconds=seconds)),
    st.sampled_from(
        [
            datetime(2026, 3, day, hour, minute, tzinfo=UTC) - instant
            for day in (1, 14, 15)
            for hour, minute in ((0, 0), (3, 30), (10, 0), (11, 0), (18, 15), (23, 0))
            for instant in (timedelta(), timedelta(microseconds=1))
            if day < 15 or hour < 12
        ]
    ),
)


@st.composite
def raw_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event that is still without a license and an id."""
    kind = draw(
        st.sampled_from(["interaction.sent", "sms.sent", "goal.triggered", "profiles.level", "custom_tables.level"])
    )
    raw: dict[str, Any] = {"type": kind, "source": draw(st.sampled_from(["/a", "/b"])), "time": draw(TIMES)}
    raw["value" if kind.endswith(".level") else "quantity"] = draw(AMOUNTS)
    if entity := draw(st.sampled_from([None, "be", "nl"])):
        raw["entity"] = entity
    values = {"interaction.sent": ("channel", CHANNELS), "custom_tables.level": ("type", TABLES)}.get(kind)
    if values and draw(st.booleans()):
        raw["dimensions"] = {values[0]: draw(st.sampled_from(values[1]))}
    return raw


@st.composite
def licenses(draw: st.DrawFn) -> list[PlainLicense]:
    return [
        PlainLicense(
            key=new_key(),
            time_zone=draw(st.sampled_from(ZONES)),
            starts_on=date(
                draw(st.integers(2023, 2026)), draw(st.integers(1, 12)), draw(st.sampled_from([1, 14, 15, 28]))
            ),
            months=draw(st.sampled_from([1, 3, 12])),
            terms=TERMS,
            granted=Fraction(draw(st.sampled_from([0, 10, 2**53]))),
        )
        for _ in range(draw(st.integers(1, 2)))
    ]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[PlainLicense], list[dict[str, Any]], list[list[dict[str, Any]]], int]:
    """Licenses, their events, the batches in which these are sent, and after which of them to refresh."""
    found = draw(licenses())
    events = [
        {**raw, "license": draw(st.sampled_from(found)).key, "id": str(number)}
        for number, raw in enumerate(draw(st.lists(raw_events(), min_size=1, max_size=40)))
    ]
    repeated = draw(st.lists(st.sampled_from(events), max_size=20))
    sent = draw(st.permutations(events + repeated))
    cuts = sorted({0, len(sent), *draw(st.lists(st.integers(0, len(sent)), max_size=5))})
    batches = [sent[begin:end] for begin, end in pairwise(cuts)]
    return found, events, batches, draw(st.integers(0, len(batches)))


def expected_of(license: PlainLicense, found: Mapping[str, Plain]) -> Iterator[tuple[str, object, object]]:
    """The usage, limit and shares that each meter should show."""
    profiles = license.terms["profiles"]
    limits = {
        "interactions": Fraction(profiles * license.terms["interactions_per_profile"]),
        "profiles": Fraction(profiles),
        "custom_tables": Fraction(license.terms["custom_tables"]),
        "goal_interactions": Fraction(license.terms["goal_interactions_per_profile"]),
        "sms_credits": license.granted if license.granted or found["sms_credits"].used else None,
    }
    by = {"interactions": "channel", "sms_credits": "entity", "profiles": "entity", "custom_tables": "type"}
    for meter, plain_reading in found.items():
        used = None if plain_reading.used is None else Fraction(written(plain_reading.used))
        shares = {key: used for (dimension, key), used in plain_reading.shares.items() if dimension == by.get(meter)}
        yield meter, (used, limits[meter]), {key: used for key, used in shares.items() if used}


def shown(meter: str, reading: StoredReading) -> tuple[str, object, object]:
    used = None if reading.used is None else Fraction(reading.used)
    limit = None if reading.limit is None else Fraction(reading.limit)
    return meter, (used, limit), {share.key: Fraction(share.used) for share in reading.shares if share.used}


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.integers(0, 16))
def test_the_readings_are_those_of_a_plain_recount(
    engine: Engine,
    stream: tuple[list[PlainLicense], list[dict[str, Any]], list[list[dict[str, Any]]], int],
    days: int,
) -> None:
    found, events, batches, pause = stream
    for license in found:
        engine.license(
            license.key,
            license.time_zone,
            license.terms,
            starts_on=license.starts_on,
            effective_from=date(2020, 1, 1),
            billing_period=f"P{license.months}M",
        )
        if license.granted:
            engine.grant(license.key, "g", int(license.granted), granted_at=EPOCH - timedelta(days=1))
    keys = [license.key for license in found]

    for batch in batches[:pause]:
        engine.backfill(*batch)
    engine.refresh(*keys, now=NOW - timedelta(days=1))
    for batch in batches[pause:]:
        engine.backfill(*batch)
    engine.refresh(*keys)

    for license in found:
        expected = plain.readings(license, events, license.day(NOW))
        readings = engine.readings(license.key)
        assert [shown(meter, readings[meter]) for meter in expected] == list(expected_of(license, expected))
        # And as it stood on a day of the past, measured again and as history remembers it.
        day = license.day(NOW) - timedelta(days=days)
        expected = plain.readings(license, events, day)
        past = engine.past_readings(day, license.key) if days else readings
        assert [shown(meter, past[meter]) for meter in expected] == list(expected_of(license, expected))
        remembered = {at: used for at, used, _ in engine.history("interactions", license.key)}
        end = engine.loaded(license.key).end_of(day) if days else NOW
        if end in remembered:
            assert Fraction(remembered[end] or 0) == expected["interactions"].used
        with engine.database.read() as session:
            assert list(recount(session, engine.id(license.key), engine.runtime.registry.event_types)) == []
