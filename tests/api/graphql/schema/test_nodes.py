"""Global ids: `node(id)` finds every Node again, also of past days, and refuses every other text."""

from typing import Any

import pytest

from tests.api.conftest import NOW
from tests.api.server import NESTED, Client, Served, cloudevent, nodes, opaque

ALL_IDS = """{
  consumption(license: "acme") {
    id license { id grants { edges { node { id } } } }
    sections { id readings { id meter { id } } }
  }
}"""
PAST = """query ($at: DateTime!) { consumption(license: "acme", at: $at) {
  id version status updatedAt
  section(key: "channels") { id updatedAt readings { id used status measuredAt breakdown { key used } } }
} }"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NOT_OURS = ("BAD_INPUT", "`id` is not an id that this API gave.")


def ids(value: object) -> list[str]:
    """Every id in an answer."""
    if isinstance(value, list):
        return [one for part in value for one in ids(part)]
    if isinstance(value, dict):
        own = [value["id"]] if "id" in value else []
        return own + [one for part in value.values() for one in ids(part)]
    return []


def node(client: Client, id: str, fields: str = "") -> Any:
    return client.data(f"query ($id: ID!) {{ node(id: $id) {{ __typename id {fields} }} }}", id=id)["node"]


def test_every_id_in_an_answer_finds_its_object(reader: Client) -> None:
    found = set(ids(reader.data(ALL_IDS)))
    assert len(found) == 1 + 1 + 2 + 7 + 20 + 20
    kinds: dict[str, int] = {}
    for id in found:
        again = node(reader, id)
        assert again["id"] == id
        kinds[again["__typename"]] = kinds.get(again["__typename"], 0) + 1
    assert kinds == {"Consumption": 1, "License": 1, "Grant": 2, "Section": 7, "Reading": 20, "Meter": 20}


def test_a_node_has_all_the_fields_of_its_type(reader: Client) -> None:
    assert node(reader, opaque("Reading", "acme", "interactions"), "... on Reading { used limit status }") == {
        "__typename": "Reading",
        "id": "WyJSZWFkaW5nIiwiYWNtZSIsImludGVyYWN0aW9ucyJd",
        "used": 11_000_000,
        "limit": 12_000_000,
        "status": "AT_RISK",
    }
    assert node(reader, opaque("Grant", "acme", "g-2"), "... on Grant { key remaining }")["remaining"] == 900.5
    assert node(reader, opaque("License", "acme"), "... on License { name }")["name"] == "Acme Retail"
    assert node(reader, opaque("Meter", "users"), "... on Meter { title }")["title"] == "Users"
    assert node(reader, opaque("Section", "acme", "sms"), "... on Section { title }")["title"] == "SMS"


def test_a_past_day_shows_its_end_in_the_license_s_time_zone(reader: Client) -> None:
    # 23:30 UTC on 8 March is 9 March in Brussels, whose sending is in.
    on_the_ninth = reader.data(PAST, at="2026-03-08T23:30:00Z")["consumption"]
    assert on_the_ninth["version"] == 0
    assert on_the_ninth["section"]["readings"][0] == {
        "id": on_the_ninth["section"]["readings"][0]["id"],
        "used": 11_000_000,
        "status": "AT_RISK",
        "measuredAt": "2026-03-09T22:59:59.999999Z",
        "breakdown": [
            {"key": "marketing_email", "used": 10_000_000},
            {"key": "transactional_email", "used": 0},
            {"key": "print", "used": 1_000_000},
            {"key": "social", "used": 0},
            {"key": "call_center", "used": 0},
        ],
    }
    on_the_eighth = reader.data(PAST, at="2026-03-08T22:59:59Z")["consumption"]
    assert on_the_eighth["section"]["readings"][0]["used"] == 10_000_000
    before_the_contract = reader.data(PAST, at="2026-01-14T12:00:00Z")["consumption"]
    assert before_the_contract["section"]["readings"][0]["used"] == 0
    now = reader.data(PAST, at=NOW.isoformat())["consumption"]
    assert (now["version"], now["section"]["readings"][0]["used"]) == (4, 11_000_000)


def test_ids_of_a_past_day_find_that_day_again(reader: Client) -> None:
    past = reader.data(PAST, at="2026-03-08T12:00:00Z")["consumption"]
    consumption, section, reading = past["id"], past["section"]["id"], past["section"]["readings"][0]["id"]
    assert consumption == "WyJDb25zdW1wdGlvbiIsImFjbWUiLCIyMDI2LTAzLTA4Il0"
    assert node(reader, consumption, "... on Consumption { version }") == {
        "__typename": "Consumption",
        "id": consumption,
        "version": 0,
    }
    assert node(reader, section, "... on Section { updatedAt }")["updatedAt"] == "2026-03-08T22:59:59.999999Z"
    assert node(reader, reading, "... on Reading { used }")["used"] == 10_000_000


def test_a_past_day_includes_late_usage(served: Served, operator: Client, acme: None) -> None:
    past = operator.data(PAST, at="2026-03-08T12:00:00Z")["consumption"]["section"]["readings"][0]
    late = cloudevent("interaction.sent", "acme", "late", time="2026-03-05T12:00:00Z", quantity=5)
    assert operator.post_events(late).json()["accepted"] == 1
    assert node(operator, past["id"], "... on Reading { used }")["used"] == past["used"] + 5


@pytest.mark.parametrize(
    "at",
    ["2026-03-10T09:30:00.000001Z", "2200-01-01T00:00:00Z", "1970-01-01T23:59:59Z", "0001-01-01T00:00:00Z"],
)
def test_the_future_and_times_before_any_usage_are_refused(reader: Client, at: str) -> None:
    code, message = reader.error(PAST, at=at)
    assert code == "BAD_INPUT"
    assert message.endswith("must be from 1970-01-02 up to now.")


@pytest.mark.parametrize(
    "id",
    [
        "",
        "é",
        "acme",
        "W10",
        "=" * 50,
        "A" * 100_000,
        "bnVsbA",
        opaque("Viewer", "acme"),
        opaque("Consumption"),
        opaque("Consumption", 5),
        NESTED,
        opaque("Consumption", None),
        opaque("Consumption", ["acme"]),
        opaque("Consumption", "acme", "2026-03-09", "more"),
        opaque("Consumption", "acme", ""),
        opaque("Consumption", "acme", "yesterday"),
        opaque("Consumption", "acme", "20260309"),
        opaque("Consumption", "acme", "2026-02-30"),
        opaque("Consumption", "acme", "0001-01-01"),
        opaque("Consumption", "acme", "9999-12-31"),
        opaque("License", "ac\0me"),
        opaque("Section", "acme"),
        opaque("Section", "acme", "sms", "2026-03-09", "more"),
        opaque("Reading", "acme"),
        opaque("Reading", "acme", "users", "2026-03-09", "more"),
    ],
)
def test_a_text_that_is_not_a_global_id_is_refused(reader: Client, id: str) -> None:
    assert reader.error(NODE, id=id) == NOT_OURS


@pytest.mark.parametrize(
    "id",
    [
        opaque("Section", "acme", "nope"),
        opaque("Reading", "acme", "nope"),
        opaque("Reading", "acme", "nope", "2026-03-09"),
        opaque("Meter", "nope"),
        opaque("Grant", "acme", "nope"),
        opaque("RefreshRequest", "acme", "nope"),
        opaque("RefreshRequest", "acme", "schedule"),
    ],
)
def test_an_id_of_a_missing_object_finds_null(reader: Client, id: str) -> None:
    assert reader.data(NODE, id=id) == {"node": None}


def test_an_id_of_an_unknown_license_is_not_found(reader: Client) -> None:
    assert reader.error(NODE, id=opaque("License", "acne")) == (
        "NOT_FOUND",
        "No license 'acne'. Did you mean 'acme'?",
    )


def test_a_past_day_answers_every_field_of_the_current_consumption(reader: Client) -> None:
    query = """{ consumption(license: "acme", at: "2026-03-08T12:00:00Z") {
      license { key grants { edges { node { remaining } } } }
      sections {
        key status nextUpdateAt consumptionSince
        readings { freshness period { start } history { edges { cursor } } }
      }
    } }"""
    consumption = reader.data(query)["consumption"]
    assert consumption["license"]["key"] == "acme"
    assert [grant["remaining"] for grant in nodes(consumption["license"]["grants"])] == [900.5, 0]
    channels = consumption["sections"][0]
    assert channels["nextUpdateAt"] is None
    assert channels["consumptionSince"] == channels["readings"][0]["period"]["start"] == "2026-01-14T23:00:00Z"
    assert channels["readings"][0]["freshness"] == "FRESH"


NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def test_several_ids_find_their_objects_in_the_order_of_the_ids(reader: Client) -> None:
    found = reader.data('{ meters { id key } license(key: "acme") { id } }')
    meter = next(meter["id"] for meter in found["meters"] if meter["key"] == "users")
    gone, license = opaque("Meter", "gone"), found["license"]["id"]
    assert reader.data(NODES, ids=[license, gone, meter, license])["nodes"] == [
        {"__typename": "License", "id": license},
        None,
        {"__typename": "Meter", "id": meter},
        {"__typename": "License", "id": license},
    ]
    assert reader.data(NODES, ids=[])["nodes"] == []


def test_more_ids_than_one_request_may_name_are_refused(reader: Client) -> None:
    ids = [opaque("Meter", "users")] * 51
    assert len(reader.data(NODES, ids=ids[:50])["nodes"]) == 50
    assert reader.error(NODES, ids=ids) == (
        "BAD_INPUT",
        "`ids` names 51 objects. Name 50 at most, and the others in another request.",
    )
    assert reader.error(NODES, ids=["?"]) == NOT_OURS
