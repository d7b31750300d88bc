"""An event that is no JSON costs no other event of its batch, and is rejected by index and id."""

import pytest

from tests.api.server import Client

GOOD = (
    '{"specversion":"1.0","id":"%s","source":"/test","type":"interaction.sent","subject":"acme","data":{"quantity":1}}'
)
BAD = {
    "surrogate": GOOD.replace('"quantity":1', '"quantity":1,"entity":"\\ud800"') % "bad",
    "nan": GOOD.replace('"quantity":1', '"quantity":NaN') % "bad",
    "infinity": GOOD.replace('"quantity":1', '"quantity":-Infinity') % "bad",
}


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("form", ["json", "batch", "ndjson"])
def test_the_good_ones_are_accepted_and_the_bad_one_is_named(operator: Client, form: str, bad: str) -> None:
    events = [GOOD % "a", BAD[bad], GOOD % "b"]
    if form == "ndjson":
        body, content_type = "\n".join(events), "application/x-ndjson"
    else:
        body = f"[{','.join(events)}]"
        content_type = "application/json" if form == "json" else "application/cloudevents-batch+json"
    answer = operator.post("/events", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200
    found = answer.json()
    assert found["accepted"] == 2
    assert [(one["index"], one["id"]) for one in found["rejected"]] == [(1, "bad")]


@pytest.mark.parametrize("bad", BAD)
def test_a_single_bad_event_is_rejected_by_name(operator: Client, bad: str) -> None:
    answer = operator.post("/events", content=BAD[bad], headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status_code == 200
    assert [(one["index"], one["id"]) for one in answer.json()["rejected"]] == [(0, "bad")]


def test_a_body_that_is_no_list_of_events_at_all_is_still_refused_whole(operator: Client) -> None:
    answer = operator.post("/events", content="[{,]", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "NO_EVENTS")


@pytest.mark.parametrize("name", ["id", "source", "subject"])
def test_an_attribute_in_a_header_that_is_not_utf_8_is_refused_by_name(operator: Client, name: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "/test",
        "ce-type": "interaction.sent",
        "ce-subject": "acme",
    }
    answer = operator.post("/events", content=b'{"quantity": 1}', headers={**headers, f"ce-{name}": "bad%FF"})
    found = answer.json()
    assert found["accepted"] == 0
    [rejected] = found["rejected"]
    assert rejected["code"] == "BAD_FIELD"
    assert name in rejected["message"]
    assert "UTF-8" in rejected["message"]


def test_a_long_number_is_read_exactly(operator: Client) -> None:
    event = GOOD.replace('"quantity":1', '"quantity":12345678901234.567891') % "long"
    answer = operator.post("/events", content=event, headers={"Content-Type": "application/cloudevents+json"})
    assert answer.json()["accepted"] == 1
    again = event.replace("567891", "567892")
    conflict = operator.post("/events", content=again, headers={"Content-Type": "application/cloudevents+json"})
    assert [one["code"] for one in conflict.json()["rejected"]] == ["ID_CONFLICT"]


@pytest.mark.parametrize("quantity", ["4e-10", "null"])
def test_numbers_that_cannot_be_counted_are_refused_by_name(operator: Client, quantity: str) -> None:
    event = GOOD.replace('"quantity":1', f'"quantity":{quantity}') % "tiny"
    answer = operator.post("/events", content=event, headers={"Content-Type": "application/cloudevents+json"})
    [rejected] = answer.json()["rejected"]
    assert rejected["id"] == "tiny"
    assert rejected["message"].startswith("quantity ")
