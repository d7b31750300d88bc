"""The usage explorer over GraphQL."""

from typing import Any

import pytest

from tests.api.server import Client, Served

EXPLORED = """
query ($meter: String, $event: String, $from: DateTime, $to: DateTime, $by: [String!], $filter: JSON, $top: Int,
  $interval: Interval) {
  usage(license: "acme", meter: $meter, event: $event, from: $from, to: $to, groupBy: $by, filter: $filter, top: $top,
    interval: $interval) {
    event kind start end total rest
    series { key label total points { start end amount } }
    restPoints { amount }
  }
}
"""


def explored(client: Client, **asked: object) -> Any:
    return client.data(EXPLORED, **asked)["usage"]


def test_usage_by_month_and_channel(reader: Client) -> None:
    found = explored(reader, meter="interactions", by=["channel"], interval="MONTH", top=1)
    months = [
        {"start": "2026-01-14T23:00:00Z", "end": "2026-01-31T23:00:00Z", "amount": 0},
        {"start": "2026-01-31T23:00:00Z", "end": "2026-02-28T23:00:00Z", "amount": 10_000_000},
        {"start": "2026-02-28T23:00:00Z", "end": "2026-03-10T23:00:00Z", "amount": 0},
    ]
    [emails] = found["series"]
    assert emails == {
        "key": {"channel": "marketing_email"},
        "label": "Marketing e-mails",
        "total": 10_000_000,
        "points": months,
    }
    assert (found["total"], found["rest"]) == (11_000_000, 1_000_000)
    assert [point["amount"] for point in found["restPoints"]] == [0, 0, 1_000_000]
    assert (found["event"], found["kind"]) == ("interaction.sent", "counter")
    assert (found["start"], found["end"]) == ("2026-01-14T23:00:00Z", "2026-03-10T23:00:00Z")


def test_a_level_has_points_from_its_first_report_on(reader: Client) -> None:
    found = explored(
        reader, meter="profiles", by=["entity"], filter={"entity": ["NL"]}, **{"from": "2026-03-08T10:00:00Z"}
    )
    [nl] = found["series"]
    assert (nl["key"], nl["label"], nl["total"], found["total"]) == ({"entity": "nl"}, "nl", 450_000, 450_000)
    assert [(point["start"], point["amount"]) for point in nl["points"]] == [
        ("2026-03-08T23:00:00Z", 450_000),
        ("2026-03-09T23:00:00Z", 450_000),
    ]
    assert found["restPoints"] == []


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ({"meter": "interactions"}, "Interactions"),
        ({"event": "sms.sent"}, "sms.sent"),
        ({"event": "sms.sent", "by": ["entity"]}, "Non précisé"),
        ({"event": "interaction.sent", "by": ["channel", "entity"], "top": 1}, "E-mails marketing · Non précisé"),
    ],
)
def test_labels_are_in_the_language_of_the_reader(reader: Client, asked: dict[str, object], label: str) -> None:
    answer = reader.post("/graphql", json={"query": EXPLORED, "variables": asked}, headers={"Accept-Language": "fr"})
    [series] = answer.json()["data"]["usage"]["series"]
    assert series["label"] == label


def test_a_question_that_cannot_be_answered_names_the_mistake(reader: Client) -> None:
    assert reader.error(EXPLORED) == ("BAD_INPUT", "Name either a `meter` or an `event`.")
    code, message = reader.error(EXPLORED, meter="interactions", filter={"chanel": "print"})
    assert (code, "Did you mean 'channel'?" in message) == ("BAD_INPUT", True)


def test_usage_that_was_just_recorded_is_explored_at_once(served: Served, operator: Client, acme: None) -> None:
    query = '{ usage(license: "acme", event: "sms.sent") { total } }'
    assert operator.data(query)["usage"]["total"] == 600
    event = {"id": "x", "source": "/t", "type": "sms.sent", "license": "acme", "quantity": 5}
    assert operator.data(
        "mutation ($events: [UsageEventInput!]!) { recordUsage(events: $events) { accepted } }", events=[event]
    ) == {"recordUsage": {"accepted": 1}}
    assert operator.data(query)["usage"]["total"] == 605
