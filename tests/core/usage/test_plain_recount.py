"""Whatever is sent, in whatever order and however often, the readings are those of a plain recount."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from core.administration.rules.licenses import time_zones
from core.consumption.readings.judged_reading import JudgedReading
from core.consumption.readings.judging import round_number
from core.usage.recount import recount
from tests.fixtures import plain
from tests.fixtures.engine import NOW, Engine, new_key
from tests.fixtures.plain import Plain, PlainLicense
from tests.forms import examples

# Half and three quarter hours, half an hour of daylight saving, both ends of the day line; and all the others.
ODD = ("Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago")
ZONES = st.sampled_from(ODD) | st.sampled_from(sorted(time_zones()))
MOMENTS = st.sampled_from(
    [
        NOW,
        datetime(2026, 3, 30, 1, tzinfo=UTC),  # after Europe's change to summer time
        datetime(2026, 4, 5, 12, tzinfo=UTC),  # after Australia's change to winter time
        datetime(2026, 10, 25, 23, tzinfo=UTC),  # after Europe's
        datetime(2026, 11, 2, 3, tzinfo=UTC),  # after America's
        datetime(2024, 2, 29, 23, tzinfo=UTC),
        datetime(2026, 1, 1, 0, tzinfo=UTC),
    ]
)
CHANNELS = ("print", "social", "marketing_email")
TABLES = ("interaction", "linked_data")
ENDS_OF_MONTHS = (date(2024, 2, 29), date(2025, 1, 31), date(2023, 8, 30))
TERMS = {"profiles": 50, "interactions_per_profile": 4, "custom_tables": 20, "goal_interactions_per_profile": 2}
LATEST, LATE = 16, 120
"""Days before now that most events are of, and that some are of."""

AMOUNTS = st.one_of(
    st.integers(0, 30),
    st.decimals(0, 30, places=3),
    st.sampled_from([Decimal("0.000000001"), Decimal("9007199254740991.999999999"), 2**53]),
)


@st.composite
def times(draw: st.DrawFn, zones: list[str], now: datetime) -> datetime:
    """An instant of the past, often one next to midnight in some zone."""
    days = draw(st.integers(0, LATEST) | st.integers(0, LATE))
    if draw(st.booleans()):
        return now - timedelta(days=days, seconds=draw(st.integers(0, 86_400)))
    day = now.astimezone(ZoneInfo(draw(st.sampled_from(zones)))) - timedelta(days=days)
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    return midnight - draw(st.sampled_from([timedelta(), timedelta(microseconds=1)]))


@st.composite
def raw_events(draw: st.DrawFn, instants: st.SearchStrategy[datetime]) -> dict[str, Any]:
    """An event that is still without a license and an id."""
    kind = draw(
        st.sampled_from(["interaction.sent", "sms.sent", "goal.triggered", "profiles.level", "custom_tables.level"])
    )
    raw: dict[str, Any] = {"type": kind, "source": draw(st.sampled_from(["/a", "/b"])), "time": draw(instants)}
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
            time_zone=draw(ZONES),
            starts_on=draw(st.dates(date(2023, 1, 1), date(2026, 12, 31)) | st.sampled_from(ENDS_OF_MONTHS)),
            months=draw(st.sampled_from([1, 3, 12])),
            anchor=draw(st.sampled_from(["CONTRACT_DATE", "CONTRACT_DATE", "CALENDAR_YEAR"])),
            terms=TERMS,
            granted=Fraction(draw(st.sampled_from([0, 10, 2**53]))),
        )
        for _ in range(draw(st.integers(1, 2)))
    ]


@dataclass(frozen=True)
class Stream:
    """Licenses, their events, the batches in which these are sent, and after how many of them to refresh."""

    now: datetime
    licenses: list[PlainLicense]
    events: list[dict[str, Any]]
    batches: list[list[dict[str, Any]]]
    pause: int

    @property
    def sent(self) -> list[dict[str, Any]]:
        """All events in the order in which they are sent, some of them again."""
        return [event for batch in self.batches for event in batch]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    now, found = draw(MOMENTS), draw(licenses())
    # Often the same few instants, so that ties are met.
    zones = [license.time_zone for license in found]
    instants = st.sampled_from(draw(st.lists(times(zones, now), min_size=1, max_size=12))) | times(zones, now)
    events = [
        {**raw, "license": draw(st.sampled_from(found)).key, "id": str(number)}
        for number, raw in enumerate(draw(st.lists(raw_events(instants), min_size=1, max_size=40)))
    ]
    repeated = draw(st.lists(st.sampled_from(events), max_size=20))
    sent = draw(st.permutations(events + repeated))
    cuts = sorted({0, len(sent), *draw(st.lists(st.integers(0, len(sent)), max_size=5))})
    batches = [sent[begin:end] for begin, end in pairwise(cuts)]
    return Stream(now, found, events, batches, draw(st.integers(0, len(batches))))


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
        used = None if plain_reading.used is None else rounded(plain_reading.used, limits[meter])
        shares = {key: used for (dimension, key), used in plain_reading.shares.items() if dimension == by.get(meter)}
        yield meter, (used, limits[meter]), {key: used for key, used in shares.items() if used}


def rounded(used: Fraction, limit: Fraction | None) -> Fraction:
    """Round to a billionth, and stay on the side of the limit on which the number is."""
    nearest = Fraction(round_number(used))
    if limit is None or used == limit or (nearest - limit) * (used - limit) > 0:
        return nearest
    return limit + Fraction(1 if used > limit else -1, 10**9)


def shown(meter: str, reading: JudgedReading) -> tuple[str, object, object]:
    used = None if reading.used is None else Fraction(reading.used)
    limit = None if reading.limit is None else Fraction(reading.limit)
    return meter, (used, limit), {share.key: Fraction(share.used) for share in reading.shares if share.used}


@examples(20)
@given(streams(), st.integers(0, LATEST) | st.integers(0, LATE))
def test_the_readings_are_those_of_a_plain_recount(engine: Engine, stream: Stream, days: int) -> None:
    now = stream.now
    for license in stream.licenses:
        engine.license(
            license.key,
            license.time_zone,
            license.terms,
            starts_on=license.starts_on,
            effective_from=date(2020, 1, 1),
            billing_period=f"P{license.months}M",
            anchor=license.anchor,
        )
        if license.granted:
            engine.grant(license.key, "g", int(license.granted), granted_at=now - timedelta(days=2 * LATE))
    keys = [license.key for license in stream.licenses]

    for batch in stream.batches[: stream.pause]:
        engine.backfill(*batch, now=now)
    engine.refresh(*keys, now=now - timedelta(days=1))
    for batch in stream.batches[stream.pause :]:
        engine.backfill(*batch, now=now)
    engine.refresh(*keys, now=now)

    for license in stream.licenses:
        expected = plain.readings(license, stream.sent, license.day(now))
        readings = engine.readings(license.key)
        assert [shown(meter, readings[meter]) for meter in expected] == list(expected_of(license, expected))
        # And as it stood on a day of the past, measured again and as history remembers it.
        day = license.day(now) - timedelta(days=days)
        expected = plain.readings(license, stream.sent, day)
        past = engine.past_readings(day, license.key, now) if days else readings
        assert [shown(meter, past[meter]) for meter in expected] == list(expected_of(license, expected))
        remembered = {at: used for at, used, _ in engine.history("interactions", license.key)}
        end = engine.loaded(license.key).end_of(day) if days else now
        if end in remembered:
            assert Fraction(remembered[end] or 0) == expected["interactions"].used
        with engine.database.read() as session:
            assert list(recount(session, engine.id(license.key), engine.runtime.registry.event_types)) == []
