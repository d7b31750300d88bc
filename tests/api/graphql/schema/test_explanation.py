"""One query answers why a number is what it is."""

from typing import Any

import pytest

from tests.api.server import Client

EXPLAINED = """
query ($first: Int, $at: DateTime) {
  consumption(license: "acme", at: $at) {
    sections {
      readings {
        meter { key }
        used
        explanation(first: $first) {
          limit { contractVersion effectiveFrom formula terms { key value } }
          parts { reason day entity dimensions amount events lastEvent { source id time countedAt } }
          divisor { amount parts { amount lastEvent { id } } }
          duplicates late ledgerSince
        }
      }
    }
  }
}
"""


def explained(client: Client, **asked: object) -> dict[str, Any]:
    sections = client.data(EXPLAINED, **asked)["consumption"]["sections"]
    return {one["meter"]["key"]: one for section in sections for one in section["readings"]}


def test_a_counter_is_explained(reader: Client) -> None:
    found = explained(reader)["interactions"]
    assert found["explanation"]["limit"] == {
        "contractVersion": 1,
        "effectiveFrom": "2026-01-15",
        "formula": "1,000,000 profiles × 12 interactions per profile",
        "terms": [{"key": "profiles", "value": 1_000_000}, {"key": "interactions_per_profile", "value": 12}],
    }
    first, second = found["explanation"]["parts"]
    assert first == {
        "reason": "USAGE",
        "day": "2026-03-09",
        "entity": None,
        "dimensions": {"channel": "print"},
        "amount": 1_000_000,
        "events": 1,
        "lastEvent": {
            "source": "/test",
            "id": "i-2",
            "time": "2026-03-08T23:30:00Z",
            "countedAt": "2026-03-10T09:30:00Z",
        },
    }
    assert first["amount"] + second["amount"] == found["used"] == 11_000_000
    assert [found["explanation"][name] for name in ("duplicates", "late", "ledgerSince")] == [0, 2, None]


@pytest.mark.parametrize("asked", [{}, {"first": 1}, {"at": "2026-03-05T12:00:00Z"}])
def test_the_parts_of_each_reading_add_up(reader: Client, asked: dict[str, object]) -> None:
    for key, found in explained(reader, **asked).items():
        amounts = [part["amount"] for part in found["explanation"]["parts"]]
        assert sum(amounts) == (found["used"] or 0), key


def test_a_ratio_has_a_divisor(reader: Client) -> None:
    found = explained(reader)["goal_interactions"]["explanation"]
    assert found["divisor"]["amount"] == 1_050_000
    assert sorted((part["lastEvent"]["id"], part["amount"]) for part in found["divisor"]["parts"]) == [
        ("p-1", 600_000),
        ("p-2", 450_000),
    ]
    assert [part["amount"] for part in found["parts"]] == [2]
    assert explained(reader)["retention"]["explanation"]["parts"] == []


def test_a_page_of_no_parts_is_refused(reader: Client) -> None:
    readings = "readings { explanation(first: 0) { late } }"
    query = f'{{ consumption(license: "acme") {{ section(key: "sms") {{ {readings} }} }} }}'
    assert reader.error(query) == ("BAD_INPUT", "first must be from 1 to 1000, not 0.")
