"""``POST /events`` in binary mode: attributes in headers, however senders encode them."""

import httpx2
import pytest

from tests.api.endpoints.test_events import ACCEPTED, BINARY, DUPLICATE, STRUCTURED, rejection
from tests.api.server import Client, cloudevent

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EVENT = cloudevent("interaction.sent", "acme", "e-1", quantity=2)


def send_binary(client: Client, body: bytes = b'{"quantity": 2}', **headers: str | bytes) -> httpx2.Response:
    """Send an event in binary mode; `headers` with underscores for dashes."""
    given = {**BINARY, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in given.items()]
    return client.post("/events", content=body, headers=raw)


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


def test_an_attribute_reads_the_same_percent_encoded_quoted_or_as_it_is(operator: Client) -> None:
    source = "/café 100%"
    assert operator.post_events({**EVENT, "source": source}).json() == ACCEPTED
    for header in (b"/caf%C3%A9%20100%25", "/café 100%".encode(), "/café 100%".encode("latin-1")):
        assert send_binary(operator, ce_source=header).json() == DUPLICATE
    quoted = 'a "b" \\ c'
    assert operator.post_events({**EVENT, "source": quoted}).json() == ACCEPTED
    assert send_binary(operator, ce_source=rb'"a \"b\" \\ c"').json() == DUPLICATE
    assert send_binary(operator, ce_source=b"a%20%22b%22%20%5C%20c").json() == DUPLICATE


def test_a_percent_sign_that_encodes_nothing_is_taken_as_it_is(operator: Client) -> None:
    ids = ["100%", "%zz"]
    assert [send_binary(operator, ce_id=id).json() for id in ids] == [ACCEPTED] * 2
    plain = [operator.post_events({**EVENT, "id": id}).json() for id in ids]
    assert plain == [DUPLICATE] * 2


def test_the_time_is_that_of_its_header(operator: Client) -> None:
    assert send_binary(operator, ce_time="2026-03-10T10:30:00%2B01:00").json() == ACCEPTED
    event = {**EVENT, "time": "2026-03-10T09:30:00Z"}
    assert operator.post_events(event).json() == DUPLICATE


def test_an_empty_body_is_one_of_a_counter(operator: Client) -> None:
    assert send_binary(operator, b"", ce_dataschema="https://example.com/s").json() == ACCEPTED
    assert operator.post_events({**EVENT, "data": {"quantity": 1}}).json() == DUPLICATE


def test_the_content_type_of_the_data_does_not_matter_if_it_is_json(operator: Client) -> None:
    for number, content_type in enumerate(["application/json", "text/plain", "application/vnd.acme+json"]):
        answer = send_binary(operator, ce_id=f"e-{number}", Content_Type=content_type)
        assert answer.json() == ACCEPTED


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[1]", b'"x"', b"1", b"[" * 2000])
def test_data_that_is_no_json_object_is_rejected(operator: Client, body: bytes) -> None:
    code, message = rejection(send_binary(operator, body))
    assert code == "BAD_FIELD"
    assert message == "data must be a JSON object with quantity or value, entity and dimensions."


def test_a_content_type_of_cloudevents_wins_over_headers(operator: Client) -> None:
    answer = operator.post("/events", json=EVENT, headers={**BINARY, **STRUCTURED, "ce-id": "other"})
    assert answer.json() == ACCEPTED
    assert operator.post_events(EVENT).json() == DUPLICATE


def test_a_missing_attribute_is_named(operator: Client) -> None:
    headers = {name: value for name, value in BINARY.items() if name != "ce-subject"}
    answer = operator.post("/events", content=b"{}", headers=headers)
    assert rejection(answer) == ("MISSING_FIELD", "subject (the license) is missing.")
    older = send_binary(operator, ce_specversion="0.3")
    assert rejection(older)[0] == "BAD_SPECVERSION"
