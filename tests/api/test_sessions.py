"""Sessions over GraphQL: made by a back end, used by a browser, recorded with a person."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from core.access.authenticator import CACHE_SECONDS
from core.access.person import Person
from core.settings import Settings
from tests.api.server import ALL_SCOPES, Client, Served, cloudevent, serving
from tests.api.test_access import EVERYTHING, FOR_ALL_LICENSES, READ, errors_of

CREATE = """mutation Create($input: SessionInput!) {
  createSession(input: $input) { token session expiresAt errors { code message path } }
}"""
END = "mutation End($session: String!) { endSession(input: {session: $session}) { expiresAt errors { code path } } }"
VIEWER = "{ viewer { name scopes can expiresAt person { id name language admin } } }"
ANN = Person("u-1", "Ann Smith", "fr", admin=True)
READER = ["READ", "REFRESH", "REQUEST_CREDITS"]
CAN: Mapping[str, list[str]] = {
    "consumption:read": READER,
    "usage:write": [],
    "contract:write": ["WRITE_CONTRACT"],
    "check-in:write": [],
    "webhooks:write": [],
    "operate": [*READER, "OPERATE"],
}
OF_PERMISSION = {
    "READ": EVERYTHING["consumption"][0],
    "REFRESH": EVERYTHING["refreshConsumption"][0],
    "REQUEST_CREDITS": 'mutation { requestCredits(input: {license: "acme", amount: 1}) { errors { code } } }',
    "LIST_LICENSES": FOR_ALL_LICENSES["licenses"][0],
    "WRITE_CONTRACT": EVERYTHING["putLicense"][0],
    "OPERATE": EVERYTHING["redeliver"][0],
}
"""An operation that each permission allows, and its absence refuses."""


def session_of(client: Client, **more: Any) -> dict[str, Any]:
    answer = client.data(CREATE, input={"license": "acme", "scopes": ["CONSUMPTION_READ"], **more})
    created: dict[str, Any] = answer["createSession"]
    return created


def test_a_back_end_creates_a_session_and_the_browser_knows_who_it_is(library: Served) -> None:
    person = {"id": "u-1", "name": "Ann Smith", "language": "fr", "admin": True}
    with library.client("consumption:read") as back_end:
        created = session_of(back_end, minutes=30, person=person)
        assert created["errors"] == []
        assert back_end.data("{ viewer { person { id } expiresAt } }") == {
            "viewer": {"person": None, "expiresAt": None}
        }
    with Client(library.url, created["token"]) as browser:
        assert browser.data(VIEWER)["viewer"] == {
            "name": "a test",
            "scopes": ["consumption:read"],
            "can": READER,
            "expiresAt": created["expiresAt"],
            "person": person,
        }
        assert browser.data("{ viewer { license { key } } consumption { version } }")["viewer"]["license"] == {
            "key": "acme"
        }
        assert browser.error('{ consumption(license: "other") { version } }') == (
            "FORBIDDEN",
            "This session does not give access to license 'other'.",
        )


def test_a_session_without_a_person_is_nobody(library: Served) -> None:
    with library.client() as back_end, Client(library.url, session_of(back_end)["token"]) as browser:
        assert browser.data(VIEWER)["viewer"]["person"] is None


@pytest.mark.parametrize("license", [None, "acme"])
@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_a_viewer_can_what_its_operations_allow(served: Served, acme: None, scope: str, license: str | None) -> None:
    with served.client(scope, license=license) as client:
        can = client.data("{ viewer { can } }")["viewer"]["can"]
        listing = ["LIST_LICENSES"] if scope in READ and license is None else []
        assert sorted(can) == sorted([*CAN[scope], *listing])
        for permission, operation in OF_PERMISSION.items():
            refused = errors_of(client.graphql(operation)) == {"FORBIDDEN"}
            assert refused is (permission not in can), permission


def test_a_session_may_do_what_reads_and_nothing_else(served: Served, acme: None) -> None:
    token, _ = served.session(person=ANN)
    with Client(served.url, token) as browser:
        can = browser.data("{ viewer { can } }")["viewer"]["can"]
        for permission, operation in OF_PERMISSION.items():
            assert (errors_of(browser.graphql(operation)) == {"FORBIDDEN"}) is (permission not in can), permission
        for name, (operation, allowing) in EVERYTHING.items():
            may = allowing == READ and name != "endSession"
            assert ("errors" not in browser.graphql(operation)) is may, name
        for name, (operation, _) in FOR_ALL_LICENSES.items():
            assert errors_of(browser.graphql(operation)) == {"FORBIDDEN"}, name
        assert browser.post_events(cloudevent("users.level", "acme", "x", value=1)).status_code == 403
        assert browser.post("/check-in", json={"license": "acme", "installation": "i"}).status_code == 403
        assert browser.get("/metrics").status_code == 403
        assert browser.error(CREATE, input={"license": "acme", "scopes": ["CONSUMPTION_READ"]}) == (
            "FORBIDDEN",
            "A session cannot create or end sessions. The back end does so with its key.",
        )


def test_widening_is_refused(library: Served) -> None:
    with library.client("consumption:read", license="acme") as back_end:
        for scopes in (["USAGE_WRITE"], ["CONSUMPTION_READ", "OPERATE"]):
            created = session_of(back_end, scopes=scopes)
            assert (created["token"], created["session"], created["expiresAt"]) == (None, None, None)
            assert [one["code"] for one in created["errors"]] == ["SCOPE_NOT_FOR_SESSIONS"]
        for minutes in (0, -1, 1441, 2**31 - 1):
            [error] = session_of(back_end, minutes=minutes)["errors"]
            assert (error["code"], error["path"]) == ("BAD_INPUT", ["minutes"])
        assert back_end.error(CREATE, input={"license": "other", "scopes": ["CONSUMPTION_READ"]})[0] == "FORBIDDEN"
    with library.client("usage:write", license="acme") as sender:
        assert sender.error(CREATE, input={"license": "acme", "scopes": ["CONSUMPTION_READ"]})[0] == "FORBIDDEN"


def test_what_a_person_asks_for_is_recorded_under_their_name(served: Served, acme: None) -> None:
    token, _ = served.session(person=ANN)
    with Client(served.url, token) as browser:
        run = browser.data("mutation { refreshConsumption { id requestedBy person { id name } } }")[
            "refreshConsumption"
        ]
        assert (run["requestedBy"], run["person"]) == ("Ann Smith", {"id": "u-1", "name": "Ann Smith"})
        asked = browser.data(
            """mutation { requestCredits(input: {license: "acme", amount: 7}) {
              request { requestedBy requestedWith person { id language admin } } errors { code } } }"""
        )["requestCredits"]
        assert asked["errors"] == []
        assert asked["request"] == {
            "requestedBy": "Ann Smith",
            "requestedWith": "a test",
            "person": {"id": "u-1", "language": "fr", "admin": True},
        }
    with served.client() as operator:
        found = operator.data(f'{{ node(id: "{run["id"]}") {{ ... on RefreshRequest {{ requestedBy }} }} }}')
        assert found == {"node": {"requestedBy": "Ann Smith"}}
        served.refresh()
        by_key = operator.data('mutation { refreshConsumption(license: "acme") { requestedBy person { id } } }')[
            "refreshConsumption"
        ]
        assert by_key == {"requestedBy": "a test", "person": None}


def test_a_revoked_key_ends_its_sessions_within_the_time_that_callers_are_cached(served: Served, acme: None) -> None:
    token, key = served.session()
    with Client(served.url, token) as browser:
        assert browser.data("{ consumption { version } }")
        served.revoke(key)
        time.sleep(CACHE_SECONDS)
        answer = browser.post("/graphql", json={"query": "{ consumption { version } }"})
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_back_end_signs_a_person_out(library: Served) -> None:
    with library.client("consumption:read") as back_end, library.client("consumption:read") as another:
        created = session_of(back_end)
        unknown = {"expiresAt": None, "errors": [{"code": "UNKNOWN_SESSION", "path": ["session"]}]}
        assert another.data(END, session=created["session"])["endSession"] == unknown
        ended = back_end.data(END, session=created["session"])["endSession"]
        assert ended["errors"] == []
        assert ended["expiresAt"] < created["expiresAt"]
        assert back_end.data(END, session=created["session"])["endSession"] == ended
    time.sleep(CACHE_SECONDS)
    with Client(library.url, created["token"]) as browser:
        assert browser.post("/graphql", json={"query": "{ viewer { name } }"}).status_code == 401


def test_a_session_is_refused_from_its_end_on(served: Served, acme: None) -> None:
    token, _ = served.session(seconds=0)
    with Client(served.url, token) as browser:
        answer = browser.post("/graphql", json={"query": "{ viewer { name } }"})
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["message"] == (
        "This session has ended, or is not known. The back end that made it makes a new one."
    )


def test_sessions_share_the_rate_of_their_key(database_url: str) -> None:
    settings = Settings(database_url=database_url, graphql_operations_per_second=1, sessions_per_key=2)
    with serving(settings) as served:
        with served.client() as operator:
            operator.data('mutation { putLicense(input: {key: "acme", name: "A"}) { errors { code } } }')
        with served.client("consumption:read") as back_end:
            token = session_of(back_end)["token"]
            with Client(served.url, token) as browser:
                answer = browser.post("/graphql", json={"query": "{ viewer { name } }"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
