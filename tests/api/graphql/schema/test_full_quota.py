"""A quota that refuses is red in every place that shows it; a quota that is full and refused nobody is not."""

from typing import Any

import pytest
import time_machine

from tests.api.server import Client, Served

NOW = "2026-03-10T09:30:00Z"
SET_UP = """mutation {
  putLicense(input: {key: "acme", name: "Acme", admins: [{email: "ann@example.com"}]}) { errors { message } }
  putContract(input: {
    license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01", warnings: true,
    terms: [{key: "active_installations", value: 3}]
  }) { errors { message } }
}"""
QUOTA = """{
  consumption(license: "acme") {
    version
    section(key: "installations") { status readings {
      status used limit refused overage thresholds { ratio status crossedAt } history { edges { node { used status } } }
    } }
    warnings { halo notices { meter { key } application status message } }
    installations { refused skewed }
  }
  license(key: "acme") { alerts { edges { node { ratio status recoveredAt } } } }
  licenses(first: 1) { edges { node { consumption { status } } } }
  red: licenses(status: [EXCEEDED]) { edges { node { key } } }
}"""


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def fleet(clock: time_machine.Traveller, served: Served, operator: Client) -> Any:
    operator.data(SET_UP)
    served.refresh()
    with served.client("check-in:write") as client:
        yield client


def call(fleet: Client, *installations: str) -> list[str]:
    return [
        fleet.post("/check-in", json={"license": "acme", "installation": one}).json()["decision"]
        for one in installations
    ]


def reading(operator: Client, query: str = QUOTA) -> tuple[dict[str, Any], dict[str, Any]]:
    found = operator.data(query)
    (one,) = found["consumption"]["section"]["readings"]
    return found, one


def test_three_of_three_without_a_refusal_are_ok(
    served: Served, fleet: Client, operator: Client, clock: time_machine.Traveller
) -> None:
    assert call(fleet, "a", "b", "c", "a") == ["ADMITTED"] * 3 + ["KNOWN"]
    clock.shift(60)
    served.refresh()
    found, quota = reading(operator)
    assert (quota["status"], quota["used"], quota["limit"], quota["refused"]) == ("OK", 3, 3, 0)
    assert found["consumption"]["section"]["status"] == "OK"
    assert found["consumption"]["warnings"] == {"halo": False, "notices": []}
    alerts = [edge["node"] for edge in found["license"]["alerts"]["edges"]]
    assert {(one["ratio"], one["status"]) for one in alerts} == {(0.8, "OK"), (0.9, "OK")}
    assert found["red"]["edges"] == []


def test_a_quota_that_refused_is_exceeded_in_every_place(
    served: Served, fleet: Client, operator: Client, clock: time_machine.Traveller
) -> None:
    call(fleet, "a", "b", "c")
    clock.shift(60)
    served.refresh()
    before, _ = reading(operator)
    assert call(fleet, "d", "e", "f", "d") == ["BACK_OFF"] * 4
    found, quota = reading(operator)
    # At once, before any refresh.
    assert (quota["status"], quota["used"], quota["limit"], quota["refused"], quota["overage"]) == (
        "EXCEEDED", 3, 3, 3, 0,
    )  # fmt: skip
    assert found["consumption"]["section"]["status"] == "EXCEEDED"
    assert found["consumption"]["installations"] == {"refused": 3, "skewed": True}
    assert found["consumption"]["version"] == before["consumption"]["version"] + 3
    assert found["consumption"]["warnings"] == {
        "halo": True,
        "notices": [
            {
                "meter": {"key": "active_installations"},
                "application": "",
                "status": "EXCEEDED",
                "message": "Active installations: 3 of 3 installations used. 3 refused in this period. "
                "New requests are refused.",
            }
        ],
    }

    clock.shift(60)
    served.refresh()  # which the first refusal made due
    found, quota = reading(operator)
    assert quota["history"]["edges"][-1]["node"] == {"used": 3, "status": "EXCEEDED"}
    assert [mark["crossedAt"] is not None for mark in quota["thresholds"]] == [True] * 3
    alerts = [edge["node"] for edge in found["license"]["alerts"]["edges"]]
    assert {(one["ratio"], one["status"], one["recoveredAt"]) for one in alerts} == {
        (0.8, "OK", None), (0.9, "OK", None), (1, "EXCEEDED", None),
    }  # fmt: skip
    assert [edge["node"]["key"] for edge in found["red"]["edges"]] == ["acme"]

    clock.move_to("2026-04-01T00:00:00Z")
    _, turned = reading(operator)
    assert (turned["status"], turned["used"], turned["refused"]) == ("OK", 0, 0)


def test_six_at_once_alert_with_the_status_of_the_reading(
    served: Served, fleet: Client, operator: Client, clock: time_machine.Traveller
) -> None:
    call(fleet, *"abcdef")
    clock.shift(60)
    served.refresh()
    found, _ = reading(operator)
    alerts = [edge["node"] for edge in found["license"]["alerts"]["edges"]]
    assert {(one["ratio"], one["status"]) for one in alerts} == {(0.8, "EXCEEDED"), (0.9, "EXCEEDED"), (1, "EXCEEDED")}


def test_the_past_is_exceeded_from_the_day_of_the_first_refusal(
    served: Served, fleet: Client, operator: Client, clock: time_machine.Traveller
) -> None:
    call(fleet, "a", "b", "c")
    clock.move_to("2026-03-12T09:30:00Z")
    call(fleet, "d")
    clock.move_to("2026-03-14T09:30:00Z")
    call(fleet, "e")
    clock.move_to("2026-04-02T09:30:00Z")
    found = {}
    for day in ("09", "10", "11", "12", "13", "14", "31"):
        _, quota = reading(
            operator,
            f"""{{ consumption(license: "acme", at: "2026-03-{day}T12:00:00Z") {{
              section(key: "installations") {{ readings {{ status used refused }} }} }} }}""",
        )
        found[day] = quota["status"], quota["used"], quota["refused"]
    assert found == {
        "09": ("OK", 0, 0),
        "10": ("OK", 3, 0),
        "11": ("OK", 3, 0),
        "12": ("EXCEEDED", 3, 1),
        "13": ("EXCEEDED", 3, 1),
        "14": ("EXCEEDED", 3, 2),
        "31": ("EXCEEDED", 3, 2),
    }


def test_other_meters_state_no_refusals(fleet: Client, operator: Client) -> None:
    found = operator.data('{ consumption(license: "acme") { section(key: "license") { readings { refused } } } }')
    assert {one["refused"] for one in found["consumption"]["section"]["readings"]} == {None}
