"""Entities over the API: spellings are joined, entities are closed, merged and renamed."""

from typing import Any

import pytest

from tests.api.server import Client, Served, cloudevent

CLOSE = """mutation ($input: CloseEntityInput!) { closeEntity(input: $input) { closed errors { code path } } }"""
RENAME = """mutation ($input: RenameEntityInput!) { renameEntity(input: $input) { renamed errors { code path } } }"""
LEVELS = """{ consumption(license: "acme") {
  web: section(key: "web") { readings { meter { key } used breakdown { key } of: breakdown(dimension: "entity") {
    key label used
  } } }
  data: section(key: "data_model") { readings { meter { key } used breakdown { key label used } } }
} }"""


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


def report(client: Client, *levels: tuple[str, str, str, int]) -> Any:
    events = [
        cloudevent(f"{meter}.level", "acme", id, time="2026-03-05T08:00:00Z", value=value, entity=entity)
        for id, meter, entity, value in levels
    ]
    return client.post_events(*events).json()


def used(served: Served, client: Client, part: str, meter: str) -> Any:
    served.refresh()
    readings = client.data(LEVELS)["consumption"][part]["readings"]
    return next(reading for reading in readings if reading["meter"]["key"] == meter)


def test_merged_entities_read_what_the_target_reports(served: Served, operator: Client) -> None:
    report(operator, ("1", "forms", "north", 4), ("2", "forms", "south", 3), ("3", "forms", "all", 7))
    assert used(served, operator, "web", "forms")["used"] == 14
    for entity in ("north", "SOUTH "):
        given = {"license": "acme", "entity": entity, "from": "2026-03-01", "into": "all"}
        assert operator.data(CLOSE, input=given)["closeEntity"] == {"closed": True, "errors": []}
    assert used(served, operator, "web", "forms")["used"] == 7
    answer = report(operator, ("4", "forms", "north", 4))
    assert [error["code"] for error in answer["rejected"]] == ["ENTITY_CLOSED"]


def test_a_level_is_broken_down_by_entity_on_demand(served: Served, operator: Client) -> None:
    report(operator, ("1", "forms", "north", 4), ("2", "forms", "south", 3))
    reading = used(served, operator, "web", "forms")
    assert (reading["used"], reading["breakdown"]) == (7, [])
    assert reading["of"] == [
        {"key": "north", "label": "north", "used": 4},
        {"key": "south", "label": "south", "used": 3},
    ]
    given = {"license": "acme", "entity": "north", "name": "North"}
    assert operator.data(RENAME, input=given)["renameEntity"]["renamed"]
    assert [share["label"] for share in used(served, operator, "web", "forms")["of"]] == ["North", "south"]
    given = {"license": "acme", "entity": "north", "from": "2026-03-01"}
    assert operator.data(CLOSE, input=given)["closeEntity"]["closed"]
    assert used(served, operator, "web", "forms")["of"] == [{"key": "south", "label": "south", "used": 3}]


def test_spellings_are_joined_and_a_renamed_entity_shows_its_label(served: Served, operator: Client) -> None:
    report(operator, ("1", "profiles", "Zürich", 4))
    report(operator, ("2", "profiles", "ZU\u0308RICH", 6))
    reading = used(served, operator, "data", "profiles")
    assert (reading["used"], reading["breakdown"]) == (6, [{"key": "Zürich", "label": "Zürich", "used": 6}])
    given = {"license": "acme", "entity": "zürich", "name": "Zurich"}
    assert operator.data(RENAME, input=given)["renameEntity"] == {"renamed": True, "errors": []}
    reading = used(served, operator, "data", "profiles")
    assert reading["breakdown"] == [{"key": "Zürich", "label": "Zurich", "used": 6}]


def test_an_unknown_entity_is_named(operator: Client) -> None:
    given = {"license": "acme", "entity": "nope", "from": "2026-03-01"}
    error = [{"code": "UNKNOWN_ENTITY", "path": ["entity"]}]
    assert operator.data(CLOSE, input=given)["closeEntity"] == {"closed": False, "errors": error}
