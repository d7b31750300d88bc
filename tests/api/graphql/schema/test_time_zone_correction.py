"""A time zone that is corrected by a mutation or a file loses no usage."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from core.administration.import_file import import_licenses, read_licenses
from tests.api.server import Client, Served, cloudevent

MORNING = datetime(2026, 3, 15, 5, tzinfo=UTC)
PUT = "mutation ($input: LicenseInput!) { putLicense(input: $input) { errors { code message } } }"
SHOWN = '{ license(key: "acme") { consumption { sections { readings { meter { key } used } } } } }'


def by_mutation(served: Served, zone: str) -> None:
    with served.client() as client:
        assert client.data(PUT, input={"key": "acme", "timeZone": zone})["putLicense"]["errors"] == []


def by_file(served: Served, zone: str) -> None:
    text = f"licenses: [{{key: acme, time_zone: {zone}}}]"
    with served.runtime.database.write() as session:
        import_licenses(session, read_licenses("a.yaml", text.encode()), served.runtime.registry, datetime.now(UTC))


@pytest.mark.parametrize("change", [by_mutation, by_file])
def test_usage_of_this_morning_is_shown_at_once_and_after_refreshes(
    served: Served, operator: Client, clock: time_machine.Traveller, change: Callable[[Served, str], None]
) -> None:
    clock.move_to(MORNING)
    operator.data(PUT, input={"key": "acme", "name": "Acme"})
    sent = [("a", 3, "2026-03-13T05:00:00Z"), ("b", 12, "2026-03-15T01:00:00Z")]
    events = [cloudevent("interaction.sent", "acme", id, time=time, quantity=n) for id, n, time in sent]
    assert operator.post_events(*events).json()["accepted"] == 2
    served.refresh()

    def used() -> Any:
        sections = operator.data(SHOWN)["license"]["consumption"]["sections"]
        [found] = [one for section in sections for one in section["readings"] if one["meter"]["key"] == "interactions"]
        return found["used"]

    assert used() == 15
    change(served, "America/Los_Angeles")
    assert used() == 15
    served.refresh()
    assert used() == 15
