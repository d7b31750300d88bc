"""Recording usage and asking for refreshes over GraphQL."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.api.server import Client, Served, cloudevent

RECORD = """mutation ($events: [UsageEventInput!]!) { recordUsage(events: $events) {
  accepted duplicates rejected { index id code message }
} }"""
REFRESH = """mutation ($license: String, $sections: [String!]) {
  refreshConsumption(license: $license, sections: $sections) { id status requestedAt finishedAt problem { code } }
}"""


def record(client: Client, *events: Mapping[str, object]) -> Any:
    return client.data(RECORD, events=list(events))["recordUsage"]


@pytest.fixture
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


@pytest.mark.usefixtures("license")
def test_recorded_usage_is_counted_once_and_reported_event_by_event(served: Served, operator: Client) -> None:
    event: dict[str, object] = {"id": "1", "source": "/test", "type": "interaction.sent", "license": "acme"}
    sent = [
        {**event, "quantity": 2.5, "dimensions": {"channel": "print"}},
        {**event, "quantity": 2.5, "dimensions": {"channel": "print"}},
        {**event, "quantity": 3},
        {**event, "id": "2", "type": "interaction.sen"},
        {**event, "id": "3", "license": "acne"},
        {**event, "id": "4", "time": "2026-03-10T10:45:00+01:00"},
        {**event, "id": "5", "time": "2020-01-01T00:00:00Z"},
        {**event, "id": "6", "value": 1},
        {**event, "id": "7", "dimensions": {"channel": "pigeon"}},
        {**event, "id": "8", "dimensions": "print"},
    ]
    answer = record(operator, *sent)
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(one["index"], one["id"], one["code"]) for one in answer["rejected"]] == [
        (2, "1", "ID_CONFLICT"),
        (3, "2", "UNKNOWN_TYPE"),
        (4, "3", "UNKNOWN_LICENSE"),
        (5, "4", "FROM_THE_FUTURE"),
        (6, "5", "TOO_OLD"),
        (7, "6", "BAD_FIELD"),
        (8, "7", "UNKNOWN_DIMENSION_VALUE"),
        (9, "8", "BAD_FIELD"),
    ]
    assert record(operator, sent[0]) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert record(operator) == {"accepted": 0, "duplicates": 0, "rejected": []}


@pytest.mark.usefixtures("license")
def test_the_same_event_over_graphql_and_over_http_counts_once(operator: Client) -> None:
    over_http = cloudevent("profiles.level", "acme", "1", time="2026-03-10T10:00:00.25+01:00", value=3.0, entity="be")
    assert operator.post_events(over_http).json()["accepted"] == 1
    over_graphql = {
        "id": "1",
        "source": "/test",
        "type": "profiles.level",
        "license": "acme",
        "time": "2026-03-10T09:00:00.250Z",
        "value": 3,
        "entity": "be",
    }
    assert record(operator, over_graphql) == {"accepted": 0, "duplicates": 1, "rejected": []}


def test_too_many_events_in_one_mutation_are_refused_together(library: Served, reader: Client) -> None:
    most = library.runtime.settings.max_events
    event = {"id": "1", "source": "/t", "type": "interaction.sent", "license": "acme"}
    assert reader.error(RECORD, events=[event] * (most + 1)) == (
        "TOO_LARGE",
        f"{most + 1} events at once; {most} at most. Send them in parts.",
    )


def test_a_requested_refresh_can_be_polled_until_it_ends(
    served: Served, operator: Client, acme: None, clock: time_machine.Traveller
) -> None:
    operator.post_events(cloudevent("users.level", "acme", "u-2", value=7))
    operator.post_events(cloudevent("sms.sent", "acme", "s-2", quantity=1))
    clock.shift(timedelta(minutes=1))
    asked = operator.data(REFRESH, license="acme", sections=["license"])["refreshConsumption"]
    assert asked == {
        "id": asked["id"],
        "status": "QUEUED",
        "requestedAt": "2026-03-10T09:31:00Z",
        "finishedAt": None,
        "problem": None,
    }
    # Asking again while it waits is the same request; for other sections it is another.
    assert operator.data(REFRESH, license="acme", sections=["license"])["refreshConsumption"] == asked
    other = operator.data(REFRESH, license="acme", sections=["web", "license"])["refreshConsumption"]
    assert other["id"] != asked["id"]

    clock.shift(timedelta(seconds=30))
    served.refresh()
    state = "query ($id: ID!) { node(id: $id) { ... on RefreshRequest { status requestedAt finishedAt } } }"
    assert operator.data(state, id=asked["id"]) == {
        "node": {"status": "DONE", "requestedAt": "2026-03-10T09:31:00Z", "finishedAt": "2026-03-10T09:31:30Z"}
    }
    sections = operator.data('{ consumption(license: "acme") { version sections { key updatedAt } } }')["consumption"]
    assert sections["version"] == 5
    assert {section["key"]: section["updatedAt"] for section in sections["sections"]} == {
        "channels": "2026-03-10T09:30:00Z",
        "sms": "2026-03-10T09:30:00Z",
        "data_model": "2026-03-10T09:30:00Z",
        "web": "2026-03-10T09:31:30Z",
        "automation": "2026-03-10T09:30:00Z",
        "license": "2026-03-10T09:31:30Z",
        "installations": "2026-03-10T09:31:30Z",  # measured as it is asked for
    }


def test_an_invalid_refresh_is_refused(reader: Client) -> None:
    assert reader.error(REFRESH, license="acme", sections=["web", "sm"]) == (
        "BAD_INPUT",
        "No section 'sm'. Did you mean 'sms'?",
    )
    assert reader.error(REFRESH, license="acme", sections=[]) == (
        "BAD_INPUT",
        "`sections` is empty: name some, or leave it out for all.",
    )
    assert reader.error(REFRESH) == ("BAD_INPUT", "This key is for all licenses: name one with `license`.")
    assert reader.error(REFRESH, license="acne") == ("NOT_FOUND", "No license 'acne'. Did you mean 'acme'?")
    assert reader.error(REFRESH, license="a\0")[0] == "NOT_FOUND"


def test_a_new_license_is_refreshed_without_a_request(served: Served, operator: Client, acme: None) -> None:
    served.refresh()
    operator.data('mutation { putLicense(input: {key: "fresh", name: "Fresh"}) { errors { code } } }')
    served.refresh()
    consumption = operator.data('{ consumption(license: "fresh") { version updatedAt } }')["consumption"]
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    assert consumption == {"version": 1, "updatedAt": now}
