"""``POST /events`` with one event a line, and with bodies that are packed."""

import gzip
import json
import zlib
from typing import Any

import httpx2
import pytest

from core.settings import Settings
from tests.api.server import Client, Served, cloudevent

LINES = {"Content-Type": "application/x-ndjson"}
GZIP = {"Content-Encoding": "gzip"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def event(number: int) -> dict[str, Any]:
    return cloudevent("interaction.sent", "acme", f"e-{number}", quantity=number)


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


def error_of(answer: httpx2.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


@pytest.fixture(autouse=True)
def license(operator: Client) -> None:
    operator.data('mutation { putLicense(input: {key: "acme", name: "Acme"}) { errors { code } } }')


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/ndjson; charset=utf-8"])
def test_one_event_a_line_and_a_bad_line_costs_itself_alone(operator: Client, content_type: str) -> None:
    body = lines(event(1)) + b"\r\n\n" + b'{"id": \n' + b"7\n" + lines(event(1), event(2)).rstrip()
    answer = operator.post("/events", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 2,
        "duplicates": 1,
        "rejected": [
            {
                "index": 1,
                "id": None,
                "code": "BAD_JSON",
                "message": "The event is not JSON: unexpected end of data, at column 8.",
            },
            {"index": 2, "id": None, "code": "NOT_AN_EVENT", "message": "An event must be a JSON object."},
        ],
    }


def test_no_line_is_no_event(operator: Client) -> None:
    answer = operator.post("/events", content=b"\n\n", headers=LINES)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "duplicates": 0, "rejected": []})


@pytest.mark.parametrize("form", ["lines", "batch", "one", "in two members"])
def test_a_packed_body_is_unpacked(operator: Client, form: str) -> None:
    body, headers = {
        "lines": (gzip.compress(lines(event(1), event(2))), LINES),
        "batch": (gzip.compress(json.dumps([event(1), event(2)]).encode()), BATCH),
        "one": (gzip.compress(json.dumps(event(1)).encode()), {"Content-Type": "application/cloudevents+json"}),
        "in two members": (gzip.compress(lines(event(1))) + gzip.compress(lines(event(2))), LINES),
    }[form]
    answer = operator.post("/events", content=body, headers={**headers, **GZIP})
    assert (answer.status_code, answer.json()["rejected"]) == (200, [])
    assert answer.json()["accepted"] == (1 if form == "one" else 2)


def test_ten_thousand_packed_lines_are_one_request(operator: Client) -> None:
    body = gzip.compress(lines(*(event(number) for number in range(10_000))))
    for key in ("accepted", "duplicates"):
        answer = operator.post("/events", content=body, headers={**LINES, **GZIP})
        assert answer.json() == {"accepted": 0, "duplicates": 0, "rejected": [], key: 10_000}


@pytest.mark.long
def test_what_unpacks_to_more_than_is_taken_is_refused_before_it_is_unpacked(served: Served, operator: Client) -> None:
    most = served.runtime.settings.max_body_bytes
    bomb = zlib.compressobj(9, wbits=31)
    body = b"".join([*(bomb.compress(b" " * 2**20) for _ in range(256)), bomb.flush()])
    assert len(body) < most / 50
    assert error_of(operator.post("/events", content=body, headers={**LINES, **GZIP})) == (
        413,
        "TOO_LARGE",
        f"The body passes {most} bytes when it is unpacked. Send it in parts.",
    )


@pytest.mark.long
def test_a_body_that_unpacks_to_nothing_is_as_small_as_any_other(served: Served, operator: Client) -> None:
    most = served.runtime.settings.max_body_bytes
    named = b"\x1f\x8b\x08\x08" + bytes(6)  # a file name follows (RFC 1952, section 2.3), which has no end here
    answer = operator.post("/events", content=named + b"a" * most, headers={**LINES, **GZIP})
    assert error_of(answer) == (413, "TOO_LARGE", f"The body passes {most} bytes. Send it in parts.")


@pytest.mark.parametrize("path", ["/events", "/graphql"])
def test_nobody_without_a_token_makes_the_server_unpack_anything(served: Served, path: str) -> None:
    body = gzip.compress(b"[" + b"[]," * 5_000_000 + b"[]]")
    with served.anonymous() as client:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json", **GZIP})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"not gzip", "The body is not gzip, as its Content-Encoding says."),
        (gzip.compress(b"{}") + b"more", "The body is not gzip, as its Content-Encoding says."),
        (gzip.compress(lines(event(1)))[:-9], "The body ends before its gzip does."),
        (b"", "The body ends before its gzip does."),
    ],
    ids=["not at all", "more after it", "cut off", "empty"],
)
def test_what_is_not_packed_as_it_says_is_refused(operator: Client, body: bytes, message: str) -> None:
    answer = operator.post("/events", content=body, headers={**LINES, **GZIP})
    assert error_of(answer) == (400, "BAD_ENCODING", message)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "nonsense"])
def test_another_packing_is_refused_by_name(operator: Client, encoding: str) -> None:
    answer = operator.post("/events", content=lines(event(1)), headers={**LINES, "Content-Encoding": encoding})
    assert error_of(answer) == (
        415,
        "UNSUPPORTED_ENCODING",
        f"Content-Encoding {encoding!r} is not known; send gzip, or nothing packed.",
    )


def test_graphql_takes_packed_bodies_too(operator: Client) -> None:
    body = gzip.compress(json.dumps({"query": "{ viewer { name } }"}).encode())
    answer = operator.post("/graphql", content=body, headers={"Content-Type": "application/json", **GZIP})
    assert answer.json()["data"]["viewer"]


def test_the_default_limit_of_a_body_is_16_mib() -> None:
    assert Settings().max_body_bytes == 16 * 2**20


def test_members_that_hold_nothing_are_bounded(operator: Client) -> None:
    event_itself = gzip.compress(lines(event(1)))
    empty = gzip.compress(b"")
    taken = operator.post("/events", content=empty * 999 + event_itself, headers=LINES | GZIP)
    assert taken.json()["accepted"] == 1
    for more in (empty * 1000 + event_itself, empty * 500_000, gzip.compress(b"\n") * 1001):
        refused = operator.post("/events", content=more, headers=LINES | GZIP)
        assert error_of(refused) == (413, "TOO_LARGE", "The body has more than 1000 members of gzip. Pack it as one.")
