"""Events made by the CloudEvents SDKs of Python and JavaScript, in every mode that each of them writes."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeAlias

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_binary, to_dict, to_structured
from cloudevents.v1.http import CloudEvent as OlderCloudEvent

from tests.api import node
from tests.api.server import Client, Served, cloudevent

ACCEPTED = {"accepted": 1, "duplicates": 0, "rejected": []}
DUPLICATE = {"accepted": 0, "duplicates": 1, "rejected": []}
USAGE = """{ consumption(license: "acme") {
  channels: section(key: "channels") { readings { used breakdown { key used } } }
  data_model: section(key: "data_model") { readings { meter { key } used breakdown { key used } } }
} }"""
Attributes: TypeAlias = dict[str, Any]
Data: TypeAlias = dict[str, Any] | str | bytes | None
Message: TypeAlias = tuple[Mapping[str, str], bytes | None]

KOLKATA = timezone(timedelta(hours=5, minutes=30))
TIME = datetime(2026, 3, 10, 14, 0, 0, 123456, tzinfo=KOLKATA)


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


def attributes(type: str = "interaction.sent", id: str = "1", **more: object) -> Attributes:
    return {"type": type, "source": "/mailer", "subject": "acme", "id": id, **more}


def message(made: http.HTTPMessage) -> Message:
    return made.headers, made.body


def current_binary(attributes: Attributes, data: Data) -> Message:
    return message(http.to_binary_event(CloudEvent({**attributes}, data)))


def current_structured(attributes: Attributes, data: Data) -> Message:
    return message(http.to_structured_event(CloudEvent({**attributes}, data)))


def current_batch(attributes: Attributes, data: Data) -> Message:
    event = JSONFormat().write(CloudEvent({**attributes}, data))
    return {"Content-Type": "application/cloudevents-batch+json"}, b"[%b]" % event


def as_text(attributes: Attributes) -> Attributes:
    return {**attributes, "time": attributes["time"].isoformat()} if "time" in attributes else attributes


def older_binary(attributes: Attributes, data: Data) -> Message:
    return to_binary(OlderCloudEvent(as_text(attributes), data))


def older_structured(attributes: Attributes, data: Data) -> Message:
    return to_structured(OlderCloudEvent(as_text(attributes), data))


def older_batch(attributes: Attributes, data: Data) -> Message:
    body = json.dumps([to_dict(OlderCloudEvent(as_text(attributes), data))]).encode()
    return {"Content-Type": "application/cloudevents-batch+json"}, body


Writer: TypeAlias = Callable[[Attributes, Data], Message]
CURRENT: Sequence[Writer] = (current_binary, current_structured, current_batch)
OLDER: Sequence[Writer] = (older_binary, older_structured, older_batch)


def send(client: Client, made: Message) -> Any:
    headers, body = made
    answer = client.post("/events", content=body, headers={**headers})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("write", [*CURRENT, *OLDER])
def test_an_event_of_the_python_sdk_is_counted_as_it_was_meant(served: Served, operator: Client, write: Writer) -> None:
    sent = attributes(time=TIME, datacontenttype="application/json", dataschema="https://acme.example/s", partner="x")
    data = {"quantity": 25_000, "entity": "日本 é%20", "dimensions": {"channel": "marketing_email"}}
    assert send(operator, write(sent, data)) == ACCEPTED
    level = attributes("profiles.level", time=TIME)
    assert send(operator, write(level | {"id": "2"}, {"value": 7.5, "entity": "日本 é%20"})) == ACCEPTED
    served.refresh()
    consumption = operator.data(USAGE)["consumption"]
    (interactions,) = consumption["channels"]["readings"]
    assert interactions["used"] == 25_000
    assert interactions["breakdown"][0] == {"key": "marketing_email", "used": 25_000}
    assert consumption["data_model"]["readings"][0] == {
        "meter": {"key": "profiles"},
        "used": 7.5,
        "breakdown": [{"key": "日本 é%20", "used": 7.5}],
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestOneEvent:
    """Equal events in different modes are duplicates."""

    def test_in_every_mode_of_both_generations_of_the_python_sdk(self, operator: Client) -> None:
        data = {"quantity": 3, "dimensions": {"channel": "print"}}
        answers = [send(operator, write(attributes(time=TIME), data)) for write in (*CURRENT, *OLDER)]
        assert answers == [ACCEPTED] + [DUPLICATE] * 5

    def test_as_a_plain_json_object(self, operator: Client) -> None:
        plain = cloudevent("interaction.sent", "acme", "1", time="2026-03-10T08:30:00.123456Z", quantity=3)
        assert operator.post("/events", json={**plain, "source": "/mailer"}).json() == ACCEPTED
        for write in (*CURRENT, *OLDER):
            assert send(operator, write(attributes(time=TIME), {"quantity": 3})) == DUPLICATE

    def test_with_its_data_as_bytes_or_as_a_text(self, operator: Client) -> None:
        whole = {"quantity": 3, "entity": "é"}
        text = json.dumps(whole, ensure_ascii=False)
        assert send(operator, current_structured(attributes(time=TIME), whole)) == ACCEPTED
        for write in CURRENT:
            assert send(operator, write(attributes(time=TIME), text.encode())) == DUPLICATE
            assert send(operator, write(attributes(time=TIME), text)) == DUPLICATE
        assert send(operator, older_structured(attributes(time=TIME), text.encode())) == DUPLICATE

    def test_without_data_it_is_one_of_a_counter(self, operator: Client) -> None:
        for number, write in enumerate(CURRENT):
            assert send(operator, write(attributes(id=str(number), time=TIME), None)) == ACCEPTED
            plain = cloudevent("interaction.sent", "acme", str(number), time=TIME.isoformat(), quantity=1)
            assert operator.post_events({**plain, "source": "/mailer"}).json() == DUPLICATE

    @pytest.mark.parametrize("odd", ["é", "日本", "a b", "100%", "%41", 'say "hi"', "a/b?c=d&e=f#g", "+", "😀"])
    def test_whatever_characters_its_attributes_hold(self, operator: Client, odd: str) -> None:
        sent = attributes(id=odd, source=f"/{odd}", time=TIME)
        answers = [send(operator, write(sent, {"quantity": 3})) for write in CURRENT]
        assert answers == [ACCEPTED, DUPLICATE, DUPLICATE]

    def test_with_the_time_that_the_sdk_gives_it(self, operator: Client) -> None:
        event = CloudEvent({**attributes()}, {"quantity": 1})
        assert event.get_time() == datetime.now(UTC)
        assert send(operator, message(http.to_binary_event(event))) == ACCEPTED
        assert send(operator, message(http.to_structured_event(event))) == DUPLICATE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_batch_of_the_python_sdk_is_reported_event_by_event(operator: Client) -> None:
    events = [
        CloudEvent({**attributes(id="1")}, {"quantity": 1}),
        CloudEvent({**attributes("no.such.type", "2")}, {"quantity": 1}),
        CloudEvent({**attributes(id="3")}, {"quantity": 2}),
    ]
    body = b"[%b]" % b",".join(JSONFormat().write(event) for event in events)
    answer = send(operator, ({"Content-Type": "application/cloudevents-batch+json"}, body))
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert [(one["index"], one["id"], one["code"]) for one in answer["rejected"]] == [(1, "2", "UNKNOWN_TYPE")]


@pytest.mark.needs("node")
class TestJavaScript:
    """The SDK that npm calls cloudevents."""

    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        node.install()

    def send(self, served: Served, *messages: tuple[str, Mapping[str, Any]]) -> list[Any]:
        """Send events, each in its mode; the answers."""
        lines = [json.dumps({"mode": mode, "events": [event]}) for mode, event in messages]
        answers = node.run("send.mjs", served.url, served.token(), stdin="\n".join(lines)).splitlines()
        return [json.loads(answer) for answer in answers]

    def test_an_event_is_counted_as_it_was_meant(self, served: Served, operator: Client) -> None:
        data = {"quantity": 25_000, "entity": "日本 é%20", "dimensions": {"channel": "marketing_email"}}
        time = "2026-03-10T09:00:00Z"
        level = {**attributes("profiles.level", time=time), "data": {"value": 7.5, "entity": "日本 é%20"}}
        sent = [(mode, {**attributes(id=mode, time=time), "data": data}) for mode in ("binary", "structured", "batch")]
        sent += [(mode, {**level, "id": f"level {mode}"}) for mode in ("binary", "structured", "batch")]
        assert self.send(served, *sent) == [ACCEPTED] * 6
        served.refresh()
        consumption = operator.data(USAGE)["consumption"]
        (interactions,) = consumption["channels"]["readings"]
        assert interactions["breakdown"][0] == {"key": "marketing_email", "used": 75_000}
        assert consumption["data_model"]["readings"][0]["breakdown"] == [{"key": "日本 é%20", "used": 7.5}]

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_the_same_event_in_every_mode_and_with_data_of_every_kind_is_one_event(self, served: Served) -> None:
        event = attributes(time="2026-03-10T08:30:00.123Z", id="café 1", partner="x")
        data = {"quantity": 3, "entity": "日本"}
        text = json.dumps(data)
        written = [
            (mode, {**event, "datacontenttype": "application/json", **kind})
            for mode in ("binary", "structured", "batch")
            for kind in ({"data": data}, {"data": text}, {"bytes": text})
        ]
        assert self.send(served, *written) == [ACCEPTED] + [DUPLICATE] * 8

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_an_event_of_the_javascript_sdk_and_of_the_python_sdk_is_the_same(
        self, served: Served, operator: Client
    ) -> None:
        time = datetime(2026, 3, 10, 8, 30, 0, 123_000, tzinfo=UTC)
        made = [
            current_binary(attributes(time=time), {"quantity": 3}),
            older_structured(attributes(time=time), {"quantity": 3}),
        ]
        assert send(operator, made[0]) == ACCEPTED
        event = {**attributes(time="2026-03-10T14:00:00.123+05:30"), "data": {"quantity": 3}}
        assert self.send(served, ("binary", event), ("structured", event), ("batch", event)) == [DUPLICATE] * 3
        assert send(operator, older_structured(attributes(time=time), {"quantity": 3})) == DUPLICATE

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_a_refusal_reaches_the_sender(self, served: Served) -> None:
        wrong = {**attributes("interaction.snt"), "data": {"quantity": 3}}
        answers = self.send(served, ("binary", wrong), ("structured", wrong))
        assert [answer["rejected"][0]["code"] for answer in answers] == ["UNKNOWN_TYPE"] * 2
