"""Quota windows begin by the clock of their own time zone, and days by that of the license."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.engine import Engine


@pytest.mark.parametrize("time_zone", ["America/Los_Angeles", "Pacific/Kiritimati", "UTC"])
def test_a_license_of_any_time_zone_is_refreshed_across_the_end_of_a_window(engine: Engine, time_zone: str) -> None:
    begin = datetime(2026, 2, 28, 6, 30, tzinfo=UTC)
    engine.license("acme", time_zone, {"active_installations": 5}, now=begin)
    for hours in range(0, 24 * 4, 12):
        engine.refresh(now=begin + timedelta(hours=hours))
    assert engine.reading("active_installations").used == 0
