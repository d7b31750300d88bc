"""``POST /events``: the three modes, what each event is told, and that a retry counts nothing twice."""

import base64
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.server import Client, Served, cloudevent

EVENT = cloudevent("interaction.sent", "acme", "e-1", quantity=2, dimensions={"channel": "print"})
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
BINARY = {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "e-1",
    "ce-source": "/test",
    "ce-type": "interaction.sent",
    "ce-subject": "acme",
}
ACCEPTED = {"accepted": 1, "duplicates": 0, "rejected": []}
DUPLICATE = {"accepted": 0, "duplicates": 1, "rejected": []}
USED = '{ consumption(license: "acme") { section(key: "channels") { readings { used breakdown { key used } } } } }'


def error_of(answer: httpx2.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def rejection(answer: httpx2.Response) -> tuple[str, str]:
    """Code and message of the only event of a request, which was rejected."""
    assert answer.status_code == 200
    body = answer.json()
    assert (body["accepted"], body["duplicates"]) == (0, 0)
    (rejected,) = body["rejected"]
    return rejected["code"], rejected["message"]


@pytest.fixture
def license(operator: Client) -> None:
    operator.data(
        'mutation { putLicense(input: {key: "acme", name: "Acme", timeZone: "Asia/Kolkata"}) { errors { code } } }'
    )


@pytest.mark.usefixtures("license")
def test_the_same_event_in_every_mode_is_one_event(served: Served, operator: Client) -> None:
    body = b'{"quantity": 2, "dimensions": {"channel": "print"}}'
    data = {key: value for key, value in EVENT.items() if key != "data"}
    in_base64 = {**data, "data_base64": base64.b64encode(body).decode()}
    answers = [
        operator.post("/events", json=EVENT, headers=STRUCTURED),
        operator.post("/events", json=[EVENT], headers=BATCH),
        operator.post("/events", content=body, headers=BINARY),
        operator.post("/events", json=EVENT),
        operator.post("/events", json=[EVENT]),
        operator.post("/events", json=in_base64, headers=STRUCTURED),
        operator.post("/events", json={**data, "data": body.decode()}, headers=STRUCTURED),
        operator.post("/events", json=EVENT, headers={"Content-Type": "Application/CloudEvents+JSON; charset=UTF-8"}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 8
    assert answers[0].headers["content-type"] == "application/json"
    assert [answer.json() for answer in answers] == [ACCEPTED] + [DUPLICATE] * 7
    served.refresh()
    (reading,) = operator.data(USED)["consumption"]["section"]["readings"]
    assert reading["used"] == 2
    assert {"key": "print", "used": 2} in reading["breakdown"]


@pytest.mark.usefixtures("license")
def test_a_batch_is_reported_event_by_event_and_the_good_ones_are_taken(served: Served, operator: Client) -> None:
    answer = operator.post_events(
        EVENT,
        EVENT,
        {**EVENT, "data": {"quantity": 3}},
        {**EVENT, "id": "e-2", "type": "interaction.send"},
        {**EVENT, "id": "e-3", "subject": "acne"},
        {},
        {**EVENT, "id": "e-4", "data": {"quantity": 5}},
    )
    assert answer.json() == {
        "accepted": 2,
        "duplicates": 1,
        "rejected": [
            {
                "index": 2,
                "id": "e-1",
                "code": "ID_CONFLICT",
                "message": "'e-1' of '/test' was recorded before with other content. Give every event an id of its "
                "own, and send a retry unchanged.",
            },
            {
                "index": 3,
                "id": "e-2",
                "code": "UNKNOWN_TYPE",
                "message": "No meter reads events of type 'interaction.send'. Did you mean 'interaction.sent'?",
            },
            {
                "index": 4,
                "id": "e-3",
                "code": "UNKNOWN_LICENSE",
                "message": "No license 'acne'. Did you mean 'acme'?",
            },
            {
                "index": 5,
                "id": None,
                "code": "BAD_SPECVERSION",
                "message": 'specversion must be "1.0": events are CloudEvents 1.0.',
            },
        ],
    }
    served.refresh()
    assert operator.data(USED)["consumption"]["section"]["readings"][0]["used"] == 7


@pytest.mark.usefixtures("license")
def test_a_retry_counts_nothing_twice_also_where_it_left_its_time_to_us(
    operator: Client, clock: time_machine.Traveller
) -> None:
    events = [cloudevent("interaction.sent", "acme", f"e-{number}") for number in range(20)]
    assert operator.post_events(*events[:12]).json() == {"accepted": 12, "duplicates": 0, "rejected": []}
    clock.shift(timedelta(days=30))
    assert operator.post_events(*reversed(events)).json() == {"accepted": 8, "duplicates": 12, "rejected": []}


@pytest.mark.usefixtures("license")
@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("2026-03-10T09:35:00Z", None),
        ("2026-03-10T09:35:00.000001Z", "FROM_THE_FUTURE"),
        ("2026-03-10T15:05:00+05:30", None),
        ("2026-02-03T09:30:00Z", None),
        ("2026-02-03T09:29:59.999999Z", "TOO_OLD"),
        ("2026-03-10t09:30:00z", None),
        ("2026-03-10 09:30:00Z", None),
        ("2026-03-10T09:30:00.1Z", None),
        ("2026-03-10T09:30:00.123456789Z", None),
        ("2026-03-10T09:30:00.1234567890123456789Z", None),
        ("2026-03-10T09:30:00-00:00", None),
        ("2026-03-10T09:30:00", "BAD_FIELD"),
        ("2026-03-10", "BAD_FIELD"),
        ("2026-03-10T09:30:00.Z", "BAD_FIELD"),
        ("2026-03-10T09:30:00+25:00", "BAD_FIELD"),
        ("2026-02-29T09:30:00Z", "BAD_FIELD"),
        ("0001-01-01T00:00:00+14:00", "BAD_FIELD"),
        ("9999-12-31T23:59:59-14:00", "BAD_FIELD"),
        ("２０２６-03-10T09:30:00Z", "BAD_FIELD"),
        ("2026-03-10T09:30:00Z\n", "BAD_FIELD"),
        ("", "BAD_FIELD"),
        (1773135000, "BAD_FIELD"),
        (None, None),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_time_is_rfc_3339_within_the_window(operator: Client, time: object, code: str | None) -> None:
    answer = operator.post_events({**EVENT, "time": time})
    if code is None:
        assert answer.json() == ACCEPTED
    else:
        assert rejection(answer)[0] == code


WITHOUT = object()
FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"specversion": WITHOUT}, "BAD_SPECVERSION", 'specversion must be "1.0": events are CloudEvents 1.0.'),
    ({"specversion": "0.3"}, "BAD_SPECVERSION", 'specversion must be "1.0": events are CloudEvents 1.0.'),
    ({"specversion": 1.0}, "BAD_SPECVERSION", 'specversion must be "1.0": events are CloudEvents 1.0.'),
    ({"id": WITHOUT}, "MISSING_FIELD", "id is missing."),
    ({"id": ""}, "BAD_FIELD", "id must not be empty."),
    ({"id": 7}, "BAD_FIELD", "id must be a text."),
    ({"id": "x" * 201}, "BAD_FIELD", "id must have 200 characters at most, not 201."),
    ({"id": "a\0b"}, "BAD_FIELD", "id must not hold control characters."),
    ({"source": WITHOUT}, "MISSING_FIELD", "source is missing."),
    ({"subject": WITHOUT}, "MISSING_FIELD", "subject (the license) is missing."),
    ({"subject": ["acme"]}, "BAD_FIELD", "subject (the license) must be a text."),
    ({"type": WITHOUT}, "MISSING_FIELD", "type is missing."),
    ({"data": []}, "BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions."),
    ({"data": 5}, "BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions."),
    ({"data": "{"}, "BAD_FIELD", "data must be a JSON object with quantity or value, entity and dimensions."),
    (
        {"data": WITHOUT, "data_base64": 5},
        "BAD_FIELD",
        "data must be a JSON object with quantity or value, entity and dimensions.",
    ),
    (
        {"data": WITHOUT, "data_base64": base64.b64encode(b"[" * 5000).decode()},
        "BAD_FIELD",
        "data must be a JSON object with quantity or value, entity and dimensions.",
    ),
    (
        {"data": {"quantiti": 1}},
        "UNKNOWN_FIELD",
        "data holds 'quantiti', which is not known. Did you mean 'quantity'?",
    ),
    ({"data": {"quantity": -1}}, "OUT_OF_RANGE", "quantity must not be negative."),
    ({"data": {"quantity": 9007199254740993}}, "OUT_OF_RANGE", "quantity must be 9007199254740992 at most."),
    ({"data": {"quantity": 1e300}}, "OUT_OF_RANGE", "quantity must be 9007199254740992 at most."),
    ({"data": {"quantity": "1"}}, "BAD_FIELD", "quantity must be a number."),
    ({"data": {"quantity": True}}, "BAD_FIELD", "quantity must be a number."),
    (
        {"data": {"value": 1}},
        "BAD_FIELD",
        "interaction.sent is a counter: give its quantity, and leave value out.",
    ),
    (
        {"type": "users.level", "data": {"quantity": 1}},
        "BAD_FIELD",
        "users.level is a level: give its value, and leave quantity out.",
    ),
    ({"type": "users.level", "data": {}}, "MISSING_FIELD", "value is missing: users.level is a level."),
    ({"data": {"entity": ""}}, "BAD_FIELD", "entity must not be empty."),
    ({"data": {"entity": "\ud7ff\x7f"}}, "BAD_FIELD", "entity must not hold control characters."),
    ({"data": {"dimensions": "print"}}, "BAD_FIELD", "dimensions must be a JSON object of texts."),
    ({"data": {"dimensions": {"channel": 1}}}, "BAD_FIELD", "dimensions.channel must be a text."),
    (
        {"data": {"dimensions": {"chanel": "print"}}},
        "UNKNOWN_DIMENSION",
        "interaction.sent has no dimension 'chanel'. Did you mean 'channel'?",
    ),
    (
        {"data": {"dimensions": {"channel": "prints"}}},
        "UNKNOWN_DIMENSION_VALUE",
        "'prints' is not a channel of interaction.sent. Did you mean 'print'?",
    ),
]


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("changes", "code", "message"), FIELDS)
def test_each_thing_wrong_with_an_event_has_a_code_and_says_what_would_be_right(
    reader: Client, changes: dict[str, Any], code: str, message: str
) -> None:
    event = {name: value for name, value in {**EVENT, **changes}.items() if value is not WITHOUT}
    assert rejection(reader.post("/events", json=event)) == (code, message)


NO_EVENTS = {
    "one": (b"1", "The body must be a JSON object, or a list of them."),
    "null": (b"null", "The body must be a JSON object, or a list of them."),
    "empty": (b"", "The body is not JSON"),
    "no end": (b'{"id": "a"', "The body is not JSON"),
    "2,000 open lists": (b"[" * 2000, "The body is not JSON"),
}
UNREADABLE = {
    "not UTF-8": b'{"id": "\xff"}',
    "half a surrogate pair": b'{"id": "\\ud800"}',
    "50,000 objects": b'{"data":' * 50_000 + b"1" + b"}" * 50_000,
    "5,000 digits": b'{"data": {"quantity": %b}}' % (b"9" * 5000),
    "not a number": b'{"data": {"quantity": NaN}}',
}


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_an_event_that_is_not_json_is_rejected(reader: Client, body: bytes) -> None:
    code, message = rejection(reader.post("/events", content=body, headers=STRUCTURED))
    assert code == "BAD_JSON"
    assert " is not JSON: " in message


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("body", "message"), NO_EVENTS.values(), ids=NO_EVENTS)
@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+json"])
def test_a_body_that_holds_no_event_is_refused_whole(
    reader: Client, body: bytes, message: str, content_type: str
) -> None:
    status, code, said = error_of(reader.post("/events", content=body, headers={"Content-Type": content_type}))
    assert (status, code) == (400, "NO_EVENTS")
    assert said.startswith(message)


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("", "Send CloudEvents 1.0: Content-Type application/cloudevents+json"),
        ("text/plain", "Send CloudEvents 1.0: Content-Type application/cloudevents+json"),
        ("application/cloudevents+xml", "Send CloudEvents 1.0: Content-Type application/cloudevents+json"),
        ("application/cloudevents-batch+json", "A batch must be a JSON list of events."),
    ],
)
def test_another_content_type_is_refused_with_those_that_are_taken(
    reader: Client, content_type: str, message: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    status, code, said = error_of(reader.post("/events", content=b'{"specversion": "1.0"}', headers=headers))
    assert (status, code) == (400, "NO_EVENTS")
    assert said.startswith(message)
    batch = reader.post("/events", json=[EVENT], headers=STRUCTURED)
    assert error_of(batch)[2] == "A list of events is sent as application/cloudevents-batch+json."


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_what_is_no_object_among_events_is_reported_in_its_place(reader: Client) -> None:
    answer = reader.post("/events", content=b'[1, null, "e", []]', headers=BATCH)
    assert [(one["index"], one["id"], one["code"]) for one in answer.json()["rejected"]] == [
        (index, None, "NOT_AN_EVENT") for index in range(4)
    ]


@pytest.mark.parametrize("library", ["sqlite"], indirect=True)
def test_a_batch_of_none_is_taken_as_it_is(reader: Client) -> None:
    for headers in (BATCH, {"Content-Type": "application/json"}):
        answer = reader.post("/events", content=b"[]", headers=headers)
        assert answer.json() == {"accepted": 0, "duplicates": 0, "rejected": []}
