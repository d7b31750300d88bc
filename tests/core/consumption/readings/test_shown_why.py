"""What is shown of a reading says why it has its status."""

from decimal import Decimal

import pytest

from api.graphql.schema.consumption.consumption import Reading
from core.consumption.readings.status import UsageStatus
from core.consumption.view import ReadingView
from tests.fixtures.engine import NOW, Engine, usage_event


def view_of(engine: Engine, meter: str) -> ReadingView:
    views = (one for section in engine.view().sections for one in section.readings)
    return next(one for one in views if one.meter.key == meter)


@pytest.mark.parametrize(
    ("goals", "profiles", "limit"),
    [(1, 3, "0.333333333"), (2, 7, "0.285714285"), (10**6 + 1, 3 * 10**6, "0.333333333")],
)
def test_a_ratio_just_over_its_limit_is_shown_over_it(engine: Engine, goals: int, profiles: int, limit: str) -> None:
    engine.license(terms={"goal_interactions_per_profile": limit})
    engine.send(usage_event("goal.triggered", quantity=goals), usage_event("profiles.level", value=profiles))
    engine.refresh()
    view = view_of(engine, "goal_interactions")
    assert view.reading.status is UsageStatus.EXCEEDED
    assert view.reading.used is not None
    assert view.reading.used > Decimal(limit)
    assert (Reading(view=view).overage() or 0) > 0


def test_a_ratio_just_under_its_limit_is_shown_within_it(engine: Engine) -> None:
    engine.license(terms={"goal_interactions_per_profile": "0.666666667"})
    engine.send(usage_event("goal.triggered", quantity=2), usage_event("profiles.level", value=3))
    engine.refresh()
    view = view_of(engine, "goal_interactions")
    assert (view.reading.status, Reading(view=view).overage()) == (UsageStatus.OK, 0)


def test_history_shows_a_ratio_as_the_reading_does(engine: Engine) -> None:
    engine.license(terms={"goal_interactions_per_profile": "0.333333333"})
    engine.send(usage_event("goal.triggered", quantity=1), usage_event("profiles.level", value=3))
    engine.refresh()
    [(_, used, status)] = engine.history("goal_interactions", until=NOW)
    assert (used == view_of(engine, "goal_interactions").reading.used, status) == (True, "EXCEEDED")
    assert used is not None
    assert used > Decimal("0.333333333")
