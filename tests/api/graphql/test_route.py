"""Requests of pages in browsers: nothing without a token, and from other origins only if the settings allow them."""

from collections.abc import Iterator

import pytest

from core.settings import Settings
from tests.api.server import Served, serving

pytestmark = pytest.mark.parametrize("library", ["sqlite"], indirect=True)

NAME = {"query": "{ viewer { name } }"}
APP = "https://app.example.com"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
def named(library: Served) -> Iterator[Served]:
    """A server that names two origins."""
    origins = f"{APP}, http://localhost:5173"
    with serving(Settings(database_url=library.runtime.settings.database_url, cors_origins=origins)) as served:
        yield served


def access_control(headers: object) -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name.startswith("access-control-")}  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
def test_what_a_page_can_send_without_being_asked_first_is_not_taken(library: Served, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    with library.client() as client:
        answer = client.post("/graphql", content=b'{"query": "{ viewer { name } }"}', headers=headers)
    assert answer.status_code == 415


def test_a_cookie_or_a_token_in_the_address_lets_nobody_in(library: Served) -> None:
    """A browser adds cookies by itself, and never `Authorization`: so no page can use what its visitor may."""
    token = library.token()
    cookies = {"Cookie": f"Authorization=Bearer {token}; token={token}; session={token}"}
    with library.anonymous() as client:
        assert client.get("/graphql", params={**NAME, "token": token}, headers=cookies).status_code == 401
        assert client.post("/graphql", json=NAME, headers=cookies).status_code == 401
        assert client.get("/graphql", params=NAME, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_without_origins_no_page_from_elsewhere_may_ask(library: Served) -> None:
    with library.client() as client:
        preflight = client.options("/graphql", headers=PREFLIGHT)
        assert (preflight.status_code, access_control(preflight.headers)) == (405, {})
        answer = client.post("/graphql", json=NAME, headers={"Origin": APP})
        assert (answer.status_code, access_control(answer.headers)) == (200, {})


@pytest.mark.parametrize("origin", [APP, "http://localhost:5173"])
def test_pages_of_an_origin_that_is_named_may_ask_graphql(named: Served, origin: str) -> None:
    with named.client() as client:
        for asked in ("authorization", "authorization,content-type"):
            headers = {**PREFLIGHT, "Origin": origin, "Access-Control-Request-Headers": asked}
            preflight = client.options("/graphql", headers=headers)
            assert preflight.status_code == 200
            found = access_control(preflight.headers)
            assert found["access-control-allow-origin"] == origin
            assert found["access-control-allow-methods"] == "GET, POST"
            assert "authorization" in found["access-control-allow-headers"]
            assert "access-control-allow-credentials" not in found
        answer = client.post("/graphql", json=NAME, headers={"Origin": origin})
        assert answer.status_code == 200
        assert access_control(answer.headers) == {
            "access-control-allow-origin": origin,
            "access-control-expose-headers": "etag, retry-after, traceresponse",
        }
        assert "Origin" in answer.headers["vary"]


def test_operators_may_allow_further_headers(library: Served) -> None:
    url = library.runtime.settings.database_url
    asked = {**PREFLIGHT, "Access-Control-Request-Headers": "authorization,x-request-id,baggage"}
    for more, status in ((None, 400), ("X-Request-Id, baggage", 200), ("X-Request-Id", 400)):
        settings = Settings(database_url=url, cors_origins=APP, cors_headers=more)
        with serving(settings) as served, served.anonymous() as client:
            preflight = client.options("/graphql", headers=asked)
            assert preflight.status_code == status
            allowed = preflight.headers["access-control-allow-headers"].split(", ")
            assert ("x-request-id" in allowed) is (more is not None)
            assert {"authorization", "content-type", "if-none-match", "traceparent", "tracestate"} <= set(allowed)


def test_pages_of_another_origin_may_not(named: Served) -> None:
    with named.client() as client:
        for origin in ("https://app.example.com.evil.example", "http://app.example.com", "null", f"{APP}:8443"):
            preflight = client.options("/graphql", headers={**PREFLIGHT, "Origin": origin})
            assert preflight.status_code == 400
            assert "access-control-allow-origin" not in preflight.headers
            answer = client.post("/graphql", json=NAME, headers={"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers


def test_a_page_may_read_why_it_was_refused(named: Served) -> None:
    with named.anonymous() as client:
        answer = client.post("/graphql", json=NAME, headers={"Origin": APP})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, APP)


def test_origins_are_named_for_graphql_alone(named: Served) -> None:
    with named.client() as client:
        for path in ("/events", "/check-in"):
            preflight = client.options(path, headers=PREFLIGHT)
            assert (preflight.status_code, access_control(preflight.headers)) == (405, {})


def test_an_options_request_that_is_no_preflight_is_refused(named: Served) -> None:
    with named.client() as client:
        assert client.options("/graphql").status_code == 405


class TestSwitchedOff:
    """An installation that neither tells its schema nor serves GraphiQL."""

    @pytest.fixture
    def closed(self, library: Served) -> Iterator[Served]:
        url = library.runtime.settings.database_url
        with serving(Settings(database_url=url, introspection=False, graphiql=False)) as served:
            yield served

    @pytest.mark.parametrize(
        "query",
        [
            "{ __schema { queryType { name } } }",
            '{ __type(name: "Query") { name } }',
            "{ ...F } fragment F on Query { s: __schema { types { name } } }",
        ],
    )
    def test_the_schema_is_not_told(self, closed: Served, query: str) -> None:
        with closed.client() as client:
            answer = client.graphql(query)
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"INTROSPECTION_DISABLED"}
        assert "data" not in answer

    def test_the_name_of_a_type_is(self, closed: Served) -> None:
        with closed.client() as client:
            assert client.data("{ __typename viewer { __typename } }") == {
                "__typename": "Query",
                "viewer": {"__typename": "Viewer"},
            }

    def test_no_error_names_what_is_near(self, closed: Served, library: Served) -> None:
        query = "{ viewer { nam } }"
        with closed.client() as client:
            assert client.error(query) == (
                "GRAPHQL_VALIDATION_FAILED",
                "Cannot query field 'nam' on type 'Viewer'.",
            )
        with library.client() as client:
            assert client.error(query) == (
                "GRAPHQL_VALIDATION_FAILED",
                "Cannot query field 'nam' on type 'Viewer'. Did you mean 'name' or 'can'?",
            )

    @pytest.mark.parametrize("path", ["/graphiql", "/graphiql/", "/graphiql/assets/index.js"])
    def test_the_page_is_not_served(self, closed: Served, path: str) -> None:
        with closed.anonymous() as client:
            assert client.get(path, follow_redirects=False).status_code == 404
