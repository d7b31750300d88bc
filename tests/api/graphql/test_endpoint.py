"""GraphQL over HTTP: methods, media types, and bodies of every kind, none of which is answered with a 5xx."""

import pytest

from api.graphql.operations import request
from api.graphql.operations.request import media_type
from tests.api.server import Client, Served

pytestmark = pytest.mark.parametrize("library", ["sqlite"], indirect=True)

NAME = "{ viewer { name } }"
JSON = {"Content-Type": "application/json"}
GRAPHQL_JSON = "application/graphql-response+json"
UTF_8 = "; charset=utf-8"


def code(body: dict[str, list[dict[str, dict[str, str]]]]) -> str:
    (error,) = body["errors"]
    return error["extensions"]["code"]


def test_an_answer_is_private_and_not_to_be_kept(reader: Client) -> None:
    answer = reader.post("/graphql", json={"query": NAME})
    assert answer.json()["data"] == {"viewer": {"name": "a test"}}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == "Accept, Accept-Encoding, Accept-Language, Authorization"


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html, application/json;q=0.5", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"application/json;q=0.5, {GRAPHQL_JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON.upper()}; charset=utf-8", GRAPHQL_JSON),
    ],
)
def test_the_answer_is_of_a_media_type_that_the_caller_accepts(reader: Client, accept: str | None, given: str) -> None:
    if accept is None:
        del reader.headers["Accept"]
    else:
        reader.headers["Accept"] = accept
    assert reader.post("/graphql", json={"query": NAME}).headers["content-type"] == given + UTF_8


def test_what_is_accepted_may_come_in_several_lines(reader: Client) -> None:
    del reader.headers["Accept"]
    lines = [("Accept", "text/html"), ("Accept", GRAPHQL_JSON)]
    answer = reader.post("/graphql", json={"query": NAME}, headers=lines)
    assert answer.headers["content-type"] == GRAPHQL_JSON + UTF_8


def test_short_headers_are_remembered_and_long_ones_are_not(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    accepted_by = request.accepted_by

    def noted(accept: str | None) -> set[str]:
        read.append(accept)
        return accepted_by(accept)

    monkeypatch.setattr(request, "accepted_by", noted)
    short, long = "application/json;a=short", f"application/json;a={'long' * 100}"
    assert {media_type(text) for text in (short, long) * 3} == {"application/json"}
    assert read == [short, long, long, long]


def test_a_caller_who_accepts_neither_media_type_is_told_which_there_are(reader: Client) -> None:
    answer = reader.post("/graphql", json={"query": NAME}, headers={"Accept": "text/html"})
    assert (answer.status_code, code(answer.json())) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'application/json;charset="UTF-8"', "Application/JSON"],
)
def test_json_in_utf_8_is_taken(reader: Client, content_type: str) -> None:
    body = '{"query": "{ viewer { name } } # é"}'.encode()
    assert reader.post("/graphql", content=body, headers={"Content-Type": content_type}).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "multipart/form-data; boundary=x", "application/json; charset=utf-16"],
)
def test_another_media_type_is_refused(reader: Client, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = reader.post("/graphql", content=b'{"query": "{ viewer { name } }"}', headers=headers)
    assert (answer.status_code, code(answer.json())) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_query_may_be_asked_by_get(reader: Client) -> None:
    query = "query One($key: String!) { license(key: $key) { key } } query Two { viewer { name } }"
    variables = '{"key": "acme"}'
    one = reader.get("/graphql", params={"query": query, "variables": variables, "operationName": "One"})
    assert one.json()["data"] == {"license": {"key": "acme"}}
    two = reader.get("/graphql", params={"query": query, "operationName": "Two", "extensions": "{}"})
    assert two.json()["data"] == {"viewer": {"name": "a test"}}


@pytest.mark.parametrize("name", [None, "Change"])
def test_a_mutation_by_get_is_refused_and_changes_nothing(reader: Client, name: str | None) -> None:
    mutation = 'mutation Change { putLicense(input: {key: "by-get", name: "X"}) { errors { code } } }'
    params = {"query": mutation} if name is None else {"query": f"query Ask {NAME} {mutation}", "operationName": name}
    answer = reader.get("/graphql", params=params)
    assert (answer.status_code, code(answer.json())) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"
    assert reader.error('{ license(key: "by-get") { key } }')[0] == "NOT_FOUND"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_another_method_is_refused(reader: Client, method: str) -> None:
    assert reader.request(method, "/graphql").status_code == 405


def test_a_document_of_several_operations_has_to_name_one(reader: Client) -> None:
    several = f'query One {NAME} mutation Two {{ refreshConsumption(license: "acme") {{ id }} }}'
    for answer in (
        reader.post("/graphql", json={"query": several}),
        reader.post("/graphql", json={"query": several, "operationName": ""}),
        reader.get("/graphql", params={"query": several}),
    ):
        body = answer.json()
        assert "data" not in body
        assert code(body) == "BAD_REQUEST"
    unknown = reader.post("/graphql", json={"query": several, "operationName": "Three"})
    assert (unknown.status_code, code(unknown.json())) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "query",
    ["fragment F on Viewer { name }", "type T { a: Int }", "subscription { nothing }", "# none"],
)
def test_a_document_without_an_operation_to_execute_is_refused(reader: Client, query: str) -> None:
    body = reader.post("/graphql", json={"query": query}).json()
    assert "data" not in body
    assert code(body) in ("GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED")


VARIABLE = b'{"query": "{ viewer { name } }", "variables": {"a": %b}}'
BODIES = {
    "one": b"1",
    "null": b"null",
    "list": b"[]",
    "batch": b'[{"query": "{ viewer { name } }"}]',
    "text": b'"{ viewer { name } }"',
    "empty": b"",
    "blank": b"  \n",
    "no query": b"{}",
    "query is null": b'{"query": null}',
    "query is a number": b'{"query": 1}',
    "query is blank": b'{"query": "  "}',
    "variables are a list": b'{"query": "{ viewer { name } }", "variables": []}',
    "variables are a text": b'{"query": "{ viewer { name } }", "variables": "{}"}',
    "name is a number": b'{"query": "{ viewer { name } }", "operationName": 1}',
    "extensions are a list": b'{"query": "{ viewer { name } }", "extensions": []}',
    "extensions are a number": b'{"query": "{ viewer { name } }", "extensions": 0}',
    "extensions are a text": b'{"query": "{ viewer { name } }", "extensions": ""}',
    "2,000 lists": b"[" * 2000 + b"]" * 2000,
    "2,000 objects": b'{"query":' * 2000 + b"1" + b"}" * 2000,
    "2,000 lists as a variable": b'{"query": "{ viewer { name } }", "variables": {"a": %b}}'
    % (b"[" * 2000 + b"]" * 2000),
    "not UTF-8": b'{"query": "\xff"}',
    "half a character": b'{"query": "\xc3',
    "half a surrogate pair": VARIABLE % rb'"\ud800"',
    "UTF-16": '{"query": "{ viewer { name } }"}'.encode("utf-16"),
    "with a mark of its byte order": b'\xef\xbb\xbf{"query": "{ viewer { name } }"}',
    "5,000 digits": VARIABLE % (b"9" * 5000),
    "beyond any float": VARIABLE % b"1e999",
    "not a number": VARIABLE % b"NaN",
    "a second body": b'{"query": "{ viewer { name } }"}{}',
    "a form": b"query=%7Bviewer%7Bname%7D%7D",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_request_is_refused(reader: Client, body: bytes) -> None:
    answer = reader.post("/graphql", content=body, headers=JSON)
    assert (answer.status_code, code(answer.json())) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "query=",
        "query=%7Bviewer%7Bname%7D%7D&variables=%7B",
        "query=%7Bviewer%7Bname%7D%7D&variables=[]",
        "query=%7Bviewer%7Bname%7D%7D&extensions=1",
    ],
)
def test_parameters_that_are_no_request_are_refused(reader: Client, parameters: str) -> None:
    answer = reader.get(f"/graphql?{parameters}")
    assert (answer.status_code, code(answer.json())) == (400, "BAD_REQUEST")


def nested(opening: str, closing: str, count: int) -> str:
    return opening * count + closing * count


EVENT = '{id: "1", source: "/t", type: "interaction.sent", license: "acme", %s}'
DOCUMENTS = {
    "unfinished": ("{", "GRAPHQL_PARSE_FAILED"),
    "not GraphQL": ("SELECT 1", "GRAPHQL_PARSE_FAILED"),
    "half a surrogate pair": (r'{ license(key: "\ud800") { key } }', "GRAPHQL_PARSE_FAILED"),
    "unknown field": ("{ viewr { name } }", "GRAPHQL_VALIDATION_FAILED"),
    "unknown argument": ('{ license(kee: "a") { key } }', "GRAPHQL_VALIDATION_FAILED"),
    "unknown fragment": ("{ ...F }", "GRAPHQL_VALIDATION_FAILED"),
    "fragment of itself": ("{ ...F } fragment F on Query { ...F }", "GRAPHQL_VALIDATION_FAILED"),
    "unknown directive": ("{ viewer @defer { name } }", "GRAPHQL_VALIDATION_FAILED"),
    "no enum value": ("{ licenses(status: [RED]) { edges { cursor } } }", "GRAPHQL_VALIDATION_FAILED"),
    "no time": ('{ consumption(at: "now") { version } }', "GRAPHQL_VALIDATION_FAILED"),
    "a time without offset": ('{ consumption(at: "2026-03-09T10:00:00") { version } }', "GRAPHQL_VALIDATION_FAILED"),
    "an int of 5,000 digits": (
        f"{{ licenses(first: {'9' * 5000}) {{ edges {{ cursor }} }} }}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "an int beyond 32 bits": ("{ licenses(first: 2147483648) { edges { cursor } } }", "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize(("query", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_that_cannot_be_executed_is_refused_with_a_code(reader: Client, query: str, expected: str) -> None:
    # An answer as JSON has status 200, since clients of old read any other as no answer at all.
    for accept, status in (("application/json", 200), (GRAPHQL_JSON, 400)):
        answer = reader.post("/graphql", json={"query": query}, headers={"Accept": accept})
        assert answer.status_code == status
        body = answer.json()
        assert "data" not in body
        assert {error["extensions"]["code"] for error in body["errors"]} == {expected}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("now", "Variable '$at' has invalid value: 'now' is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z"),
        (5, "Variable '$at' has invalid value: '5' is not RFC 3339 with an offset, as 2026-11-22T10:00:00Z"),
        ("2026-02-30T00:00:00Z", "Variable '$at' has invalid value: '2026-02-30T00:00:00Z' does not exist"),
        ("0001-01-01T00:00:00+14:00", "Variable '$at' has invalid value: '0001-01-01T00:00:00+14:00' does not exist"),
        ("9999-12-31T23:59:59-14:00", "Variable '$at' has invalid value: '9999-12-31T23:59:59-14:00' does not exist"),
    ],
)
def test_a_variable_of_a_wrong_type_is_bad_input_that_says_what_would_be_right(
    reader: Client, value: object, message: str
) -> None:
    query = 'query ($at: DateTime) { consumption(license: "acme", at: $at) { version } }'
    assert reader.error(query, at=value) == ("BAD_INPUT", message)


@pytest.mark.parametrize(
    ("value", "rejected"),
    [
        (f"quantity: {'9' * 5000}", "OUT_OF_RANGE"),
        ("quantity: 1e999", "OUT_OF_RANGE"),
        (f"dimensions: {{channel: {'9' * 5000}}}", "BAD_FIELD"),
        (f"dimensions: {nested('[', ']', 80)}", "BAD_FIELD"),
        (r'entity: "a\u0000b"', "BAD_FIELD"),
    ],
)
def test_numbers_and_texts_beyond_all_measure_are_refused_where_they_are_used(
    reader: Client, value: str, rejected: str
) -> None:
    mutation = f"mutation {{ recordUsage(events: [{EVENT % value}]) {{ accepted rejected {{ code }} }} }}"
    assert reader.data(mutation) == {"recordUsage": {"accepted": 0, "rejected": [{"code": rejected}]}}


def test_a_body_beyond_the_limit_is_refused_as_it_comes(library: Served, reader: Client) -> None:
    most = library.runtime.settings.graphql_max_body_bytes
    answer = reader.post("/graphql", content=b" " * (most + 1), headers=JSON)
    assert (answer.status_code, code(answer.json())) == (413, "TOO_LARGE")


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL_JSON])
@pytest.mark.parametrize("token", [None, "", "alw_unknown", "é"])
def test_without_a_known_token_the_answer_is_401_in_the_form_of_graphql(
    library: Served, accept: str, token: str | None
) -> None:
    headers = [(b"Accept", accept.encode())]
    if token is not None:
        headers.append((b"Authorization", f"Bearer {token}".strip().encode()))
    with library.anonymous() as client:
        answer = client.post("/graphql", json={"query": NAME}, headers=headers)
    assert (answer.status_code, code(answer.json())) == (401, "UNAUTHENTICATED")
    assert answer.headers["content-type"] == accept + UTF_8
    assert answer.headers["www-authenticate"] == "Bearer"
