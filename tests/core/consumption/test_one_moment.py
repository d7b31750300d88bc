"""Everything that is shown beside a reading is of the reading's own snapshot."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.consumption.view import ConsumptionView, ReadingView, view_consumption
from core.consumption.warnings import warnings_of
from tests.fixtures.engine import NOW, Engine, usage_event

DAY = timedelta(days=1)
INTERACTIONS = {"profiles": 10, "interactions_per_profile": 10}


def channels(view: ConsumptionView) -> tuple[datetime | None, ReadingView]:
    """Return the section's "consumption since", and the reading of its interactions."""
    section = next(one for one in view.sections if one.section.key == "channels")
    return section.consumption_since, section.readings[0]


def test_a_contract_with_a_new_start_shows_the_old_period_until_it_is_measured(engine: Engine) -> None:
    engine.license(terms=INTERACTIONS)
    engine.send(usage_event("interaction.sent", time=NOW - 20 * DAY, quantity=42))
    engine.refresh()
    engine.contract("acme", INTERACTIONS, effective_from=NOW.date(), starts_on=NOW.date(), now=NOW)
    since, interactions = channels(engine.view())
    assert interactions.reading.used == 42
    assert since == datetime(2026, 1, 1, tzinfo=UTC)
    engine.refresh(now=NOW + timedelta(seconds=1))
    since, interactions = channels(engine.view(now=NOW + timedelta(seconds=1)))
    assert (since, interactions.reading.used) == (datetime(2026, 3, 15, tzinfo=UTC), 0)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_new_year_shows_the_old_period_until_it_is_measured(engine: Engine, zone: str) -> None:
    engine.license("acme", zone, INTERACTIONS)
    before = datetime(2026, 12, 31, 10, tzinfo=UTC)
    engine.send(usage_event("interaction.sent", time=before, quantity=42), now=before)
    engine.refresh(now=before)
    since, interactions = channels(engine.view(now=before + DAY))
    assert interactions.reading.used == 42
    assert interactions.reading.period is not None
    assert since == interactions.reading.period.starts_at


def test_in_the_past_a_threshold_was_crossed_on_the_day_on_which_usage_crossed_it(engine: Engine) -> None:
    engine.license(terms=INTERACTIONS, warnings=True)
    crossing = datetime(2026, 3, 5, 10, tzinfo=UTC)
    engine.send(usage_event("interaction.sent", time=crossing, quantity=150))
    engine.refresh()
    view = engine.past(date(2026, 3, 10))
    _, interactions = channels(view)
    days = [one.crossed_at.date() for one in interactions.reading.thresholds if one.crossed_at]
    assert days == [date(2026, 3, 5), date(2026, 3, 5)]
    assert [notice.since.date() for notice in warnings_of(view).notices] == [date(2026, 3, 5)] * len(
        warnings_of(view).notices
    )


def test_in_the_past_a_later_threshold_has_its_own_day(engine: Engine) -> None:
    engine.license(terms=INTERACTIONS)
    engine.send(
        usage_event("interaction.sent", time=datetime(2026, 3, 2, 10, tzinfo=UTC), quantity=85),
        usage_event("interaction.sent", time=datetime(2026, 3, 8, 10, tzinfo=UTC), quantity=30),
    )
    engine.refresh()
    _, interactions = channels(engine.past(date(2026, 3, 12)))
    days = [one.crossed_at.date() for one in interactions.reading.thresholds if one.crossed_at]
    assert days == [date(2026, 3, 2), date(2026, 3, 8)]


def test_before_the_first_contract_no_period_overlaps_one_of_the_contract(engine: Engine) -> None:
    first = date(2026, 3, 1)
    engine.license(terms=INTERACTIONS, effective_from=first, starts_on=first)
    for day in (date(2026, 2, 10), date(2026, 2, 28), date(1970, 6, 1)):
        _, interactions = channels(engine.past(day))
        period = interactions.reading.period
        assert period is None or period.end <= first


def test_before_the_first_contract_there_is_no_reading_that_is_fresh_and_fine(engine: Engine) -> None:
    """Outside of any contract nothing is unlimited: figures of then are not OK and FRESH."""
    first = date(2026, 3, 1)
    engine.license(terms=INTERACTIONS, effective_from=first, starts_on=first)
    engine.send(usage_event("interaction.sent", time=NOW - 20 * DAY, quantity=500))
    view = engine.past(date(1970, 6, 1))
    assert {str(one.freshness) for section in view.sections for one in section.readings} != {"FRESH"}


def test_a_section_that_was_newly_installed_leaves_the_update_time_of_the_license(engine: Engine) -> None:
    engine.license(terms=INTERACTIONS)
    engine.refresh()
    known = {key: one for key, one in engine.readings().items() if engine.runtime.registry.meters[key].section != "web"}
    view = view_consumption(engine.loaded(), known, 1, engine.runtime.registry, NOW)
    assert view.updated_at == NOW
