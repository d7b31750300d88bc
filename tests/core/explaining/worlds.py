"""Random usage with all that may happen to it: late events, retries, corrections, closed entities, other time zones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from core.administration.close_entity import close_entity
from core.administration.correct_usage import correct_usage
from core.administration.inputs import ClosingInput, CorrectionInput
from core.errors import InvalidInput
from tests.core.usage.test_plain_recount import LATEST, ZONES, Stream, streams
from tests.fixtures.engine import Engine

COUNTERS = ("interaction.sent", "sms.sent", "goal.triggered")


@dataclass(frozen=True)
class World:
    """A stream of usage, and the changes that follow it."""

    stream: Stream
    corrections: Sequence[tuple[dict[str, Any], Decimal | None]]
    """An event with the factor of its quantity to add, or None to cancel the event."""
    closings: Sequence[tuple[str, int, str | None]]
    """An entity, the number of days ago from which it is closed, and its successor."""
    time_zone: str | None
    """The time zone that the licenses get at the end; None for the one that they have."""

    @property
    def keys(self) -> list[str]:
        return [license.key for license in self.stream.licenses]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    stream = draw(streams())
    factors = st.none() | st.sampled_from([Decimal(-3), Decimal(-1), Decimal("-0.5"), Decimal(1)])
    corrections = draw(st.lists(st.tuples(st.sampled_from(stream.events), factors), max_size=4))
    closings = draw(
        st.lists(st.tuples(st.just("be"), st.integers(-1, LATEST), st.sampled_from([None, "nl"])), max_size=1)
    )
    return World(stream, corrections, closings, draw(st.none() | ZONES))


def bring_in(engine: Engine, world: World) -> None:
    """Send the usage of a world, change it, and refresh all licenses."""
    stream, now = world.stream, world.stream.now
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
            engine.grant(license.key, "g", int(license.granted), granted_at=now - timedelta(days=2 * LATEST))
    for batch in stream.batches[: stream.pause]:
        engine.backfill(*batch, now=now)
    engine.refresh(*world.keys, now=now - timedelta(days=1))
    for batch in stream.batches[stream.pause :]:
        engine.backfill(*batch, now=now)
    for number, (event, factor) in enumerate(world.corrections):
        _correct(engine, event, factor, str(number), world)
    for entity, days, into in world.closings:
        for key in world.keys:
            _close(engine, key, entity, now.date() - timedelta(days=days), into, world)
    if world.time_zone is not None:
        for key in world.keys:
            engine.license(key, world.time_zone, now=now)
    engine.refresh(*world.keys, now=now)


def _correct(engine: Engine, event: dict[str, Any], factor: Decimal | None, id: str, world: World) -> None:
    given = CorrectionInput(id, event["license"], "a test", cancels=(event["source"], event["id"]))
    if factor is not None:
        if event["type"] not in COUNTERS or not event["quantity"]:
            return
        quantity = min(max(round(Decimal(event["quantity"]) * factor, 9), Decimal(-(2**52))), Decimal(2**52))
        if not quantity:
            return
        place = event.get("entity"), event.get("dimensions")
        given = CorrectionInput(id, event["license"], "a test", event["type"], quantity, event["time"], *place)
    runtime = engine.runtime
    try:
        with engine.database.write() as session:
            correct_usage(session, given, runtime.registry, runtime.settings, "a test", world.stream.now)
    except InvalidInput as error:
        assert {problem.code for problem in error.problems} == {"ALREADY_CANCELLED"}, error  # noqa: PT017


def _close(engine: Engine, key: str, entity: str, day: date, into: str | None, world: World) -> None:
    try:
        with engine.database.write() as session:
            close_entity(session, ClosingInput(key, entity, day, into), "a test", world.stream.now)
    except InvalidInput as error:
        assert {problem.code for problem in error.problems} <= {"UNKNOWN_ENTITY", "NOT_FOUND"}, error  # noqa: PT017
