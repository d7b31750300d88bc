"""Rights of keys: every query, every mutation and the ingestion, for every kind of key."""

import re
import time
from typing import Any

import pytest

from core.access.authenticator import CACHE_SECONDS
from core.access.keys import list_keys, revoke_key
from tests.api.server import ALL_SCOPES, Client, Served, cloudevent, opaque

READ = {"consumption:read", "operate"}
EVENT = '{id: "%s", source: "/t", type: "users.level", license: "acme", value: 1}'
_BUDGET = re.compile(rb'"currentlyAvailable":\d+,')
"""The part of an answer that depends on the time since the one before."""

EVERYTHING: dict[str, tuple[str, set[str]]] = {
    "consumption": ('{ consumption(license: "acme") { version } }', READ),
    "consumption of the past": (
        '{ consumption(license: "acme", at: "2026-03-09T00:00:00Z") { sections { readings { used } } } }',
        READ,
    ),
    "usage": ('{ usage(license: "acme", meter: "users") { total } }', READ),
    "license": ('{ license(key: "acme") { name contract { version } grants { edges { cursor } } } }', READ),
    "meters": ("{ meters { key } }", READ),
    "plugins": ("{ plugins { name } }", READ),
    "viewer's license": ("{ viewer { license { name consumption { version } } } }", READ),
    **{
        f"node of {kind}": (f'{{ node(id: "{opaque(kind, *key)}") {{ id }} }}', READ)
        for kind, *key in (
            ("Consumption", "acme"),
            ("Consumption", "acme", "2026-03-08"),
            ("Section", "acme", "sms"),
            ("Reading", "acme", "users"),
            ("License", "acme"),
            ("Grant", "acme", "g-1"),
            ("RefreshRequest", "acme", "x"),
            ("Meter", "users"),
        )
    },
    "refreshConsumption": ('mutation { refreshConsumption(license: "acme") { status } }', READ),
    "putLicense": (
        'mutation { putLicense(input: {key: "acme", name: "Acme"}) { license { name } errors { code } } }',
        {"contract:write"},
    ),
    "putContract": (
        """mutation { putContract(input: {
          license: "acme", effectiveFrom: "2026-03-10", startsOn: "2026-03-10", terms: []
        }) { contract { version } errors { code } } }""",
        {"contract:write"},
    ),
    "grantCredits": (
        'mutation { grantCredits(input: {id: "n", license: "acme", amount: 1}) { grant { key } errors { code } } }',
        {"contract:write"},
    ),
    "adjustUsage": (
        'mutation { adjustUsage(input: {id: "c", license: "acme", reason: "r", event: "sms.sent", quantity: -1}) '
        "{ adjusted errors { code } } }",
        {"contract:write"},
    ),
    "closeEntity": (
        'mutation { closeEntity(input: {license: "acme", entity: "be", from: "2026-03-15"}) '
        "{ closed errors { code } } }",
        {"contract:write"},
    ),
    "renameEntity": (
        'mutation { renameEntity(input: {license: "acme", entity: "be", name: "Belgium"}) '
        "{ renamed errors { code } } }",
        {"contract:write"},
    ),
    "freePlaces": (
        'mutation { freePlaces(input: {license: "acme", installation: "i"}) { freed errors { code } } }',
        {"contract:write"},
    ),
    "rotateCheckInSecret": (
        'mutation { rotateCheckInSecret(input: {license: "acme"}) { secret errors { code } } }',
        {"contract:write"},
    ),
    "requireSignatures": (
        'mutation { requireSignatures(input: {license: "acme", required: false}) { errors { code } } }',
        {"contract:write"},
    ),
    "createSession": (
        'mutation { createSession(input: {license: "acme", scopes: [CONSUMPTION_READ]}) { errors { code } } }',
        {"consumption:read"},
    ),
    "endSession": ('mutation { endSession(input: {session: "none"}) { errors { code } } }', READ),
    "voidGrant": (
        'mutation { voidGrant(input: {grant: "g-1", license: "acme", note: "n"}) { grant { key } errors { code } } }',
        {"contract:write"},
    ),
    "recordUsage": (
        f"mutation {{ recordUsage(events: [{EVENT % 'r'}]) {{ accepted duplicates rejected {{ code }} }} }}",
        {"usage:write"},
    ),
    "checkIn": (
        'mutation { checkIn(input: {license: "acme", installation: "i-1"}) { decision } }',
        {"check-in:write"},
    ),
    "declineCreditRequest": (
        'mutation { declineCreditRequest(input: {license: "acme", request: "none", reason: "n"}) { errors { code } } }',
        {"contract:write"},
    ),
    "redeliver": (
        'mutation { redeliver(input: {license: "acme", delivery: "none"}) { errors { code } } }',
        {"operate"},
    ),
    "alerts": ("{ alerts { edges { node { license { key } } } } }", READ),
    "webhookEndpoints": ('{ webhookEndpoints(license: "acme") { key } }', {"webhooks:write", "operate"}),
    "putWebhookEndpoint": (
        """mutation { putWebhookEndpoint(input: {license: "acme", key: "k", url: "https://hooks.example/"}) {
          endpoint { key } errors { code }
        } }""",
        {"webhooks:write"},
    ),
    **{
        name: (f'mutation {{ {name}(input: {{license: "acme", {field}: "none"}}) {{ errors {{ code }} }} }}', scopes)
        for name, field, scopes in (
            ("rotateWebhookSecret", "key", {"webhooks:write"}),
            ("sendTestWebhook", "key", {"webhooks:write"}),
            ("deleteWebhookEndpoint", "key", {"webhooks:write"}),
            ("redeliverWebhook", "delivery", {"webhooks:write"}),
        )
    },
    "installations": ('{ consumption(license: "acme") { installations { active } } }', READ),
}
FOR_ALL_LICENSES = {
    "licenses": ("{ licenses { edges { node { key } } } }", READ),
    "openCreditRequests": ("{ openCreditRequests { edges { node { id } } } }", {"operate"}),
    "stuckDeliveries": ("{ stuckDeliveries { edges { node { id } } } }", {"operate"}),
}


def errors_of(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", [])}


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_scope_alone_allows_what_it_is_for_and_nothing_else(library: Served, name: str) -> None:
    query, allowing = EVERYTHING[name]
    for scope in ALL_SCOPES:
        with library.client(scope, license="acme") as client:
            answer = client.graphql(query)
        if scope in allowing:
            assert "errors" not in answer, scope
        else:
            assert errors_of(answer) == {"FORBIDDEN"}, scope


@pytest.mark.parametrize("name", FOR_ALL_LICENSES)
@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_only_a_key_for_all_licenses_lists_across_them(library: Served, scope: str, name: str) -> None:
    query, allowing = FOR_ALL_LICENSES[name]
    with library.client(scope) as everywhere, library.client(scope, license="acme") as one:
        assert errors_of(everywhere.graphql(query)) == (set() if scope in allowing else {"FORBIDDEN"})
        assert errors_of(one.graphql(query)) == {"FORBIDDEN"}


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_events_are_taken_with_the_scope_for_usage_alone(library: Served, scope: str) -> None:
    with library.client(scope, license="acme") as client:
        answer = client.post_events(cloudevent("users.level", "acme", "by-scope", value=1))
    assert answer.status_code == (200 if scope == "usage:write" else 403)
    if scope != "usage:write":
        assert answer.json() == {
            "error": {
                "code": "FORBIDDEN",
                "message": "This key lacks the scope usage:write. Ask an operator for a key that has it.",
            }
        }


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_every_key_may_know_its_own_name_and_scopes(library: Served, scope: str) -> None:
    with library.client(scope) as client:
        assert client.data("{ viewer { name scopes } }") == {"viewer": {"name": "a test", "scopes": [scope]}}


def test_who_may_write_contracts_does_not_read_consumption_by_the_way(library: Served) -> None:
    mutation = """mutation {
      putLicense(input: {key: "acme", name: "Acme Retail", timeZone: "Europe/Brussels"}) {
        license { name consumption { sections { readings { used } } } } errors { code }
      }
    }"""
    with library.client("contract:write") as client:
        answer = client.graphql(mutation)
    assert answer["data"] == {"putLicense": {"license": None, "errors": []}}
    assert errors_of(answer) == {"FORBIDDEN"}


@pytest.mark.parametrize("kind", ["none", "unknown", "revoked", "another scheme"])
def test_without_a_key_in_force_nothing_is_answered(library: Served, kind: str) -> None:
    headers = {
        "none": {},
        "unknown": {"Authorization": "Bearer alw_0123456789abcdef0123456789abcdef0123456789a"},
        "revoked": {"Authorization": f"Bearer {library.token(revoked=True)}"},
        "another scheme": {"Authorization": f"Basic {library.token()}"},
    }[kind]
    with library.anonymous() as client:
        for query, _ in [*EVERYTHING.values(), *FOR_ALL_LICENSES.values(), ("{ viewer { name } }", set())]:
            answer = client.post("/graphql", json={"query": query}, headers=headers)
            assert answer.status_code == 401
            assert errors_of(answer.json()) == {"UNAUTHENTICATED"}
            assert "data" not in answer.json()
        answer = client.post_events(cloudevent("users.level", "acme", "e", value=1), headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_ends_within_a_second(library: Served) -> None:
    with library.client("operate", license="acme") as client:
        assert client.graphql("{ viewer { name } }")["data"]
        with library.runtime.database.write() as session:
            for key, _ in list_keys(session):
                if key.license_id is not None:
                    revoke_key(session, key.id)
        time.sleep(CACHE_SECONDS)
        assert client.post("/graphql", json={"query": "{ viewer { name } }"}).status_code == 401


def test_a_key_for_all_licenses_reaches_each_of_them(served: Served, operator: Client, acme: None) -> None:
    operator.data('mutation { putLicense(input: {key: "globex", name: "Globex"}) { errors { code } } }')
    with served.client("consumption:read", "usage:write") as client:
        for key in ("acme", "globex"):
            assert client.data("query ($k: String!) { license(key: $k) { key } }", k=key) == {"license": {"key": key}}
            sent = client.post_events(cloudevent("users.level", key, "e", value=1))
            assert sent.json() == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_a_key_for_one_license_learns_nothing_of_whether_another_exists(
    served: Served, operator: Client, acme: None
) -> None:
    with served.client(license="acme") as client:

        def asked() -> list[tuple[int, bytes]]:
            """All that can be asked about globex, and each answer to the byte."""
            answers = []
            for query, _ in EVERYTHING.values():
                about = query.replace("acme", "globex")
                for kind in ("Consumption", "Section", "Reading", "License", "Grant", "RefreshRequest"):
                    for rest in ([], ["2026-03-08"], ["sms"], ["users"], ["g-1"], ["x"]):
                        about = about.replace(opaque(kind, "acme", *rest), opaque(kind, "globex", *rest))
                assert "acme" not in about
                answers.append(client.post("/graphql", json={"query": about}))
            answers.append(client.post_events(cloudevent("users.level", "globex", "e", value=1)))
            answers.append(client.post_events(cloudevent("users.levle", "globex", "e", value=1)))
            return [(answer.status_code, _BUDGET.sub(b"", answer.content)) for answer in answers]

        before = asked()
        operator.data(
            """mutation {
              putLicense(input: {key: "globex", name: "Globex"}) { errors { code } }
              putContract(input: {
                license: "globex", effectiveFrom: "2026-03-01", startsOn: "2026-03-01", terms: []
              }) { errors { code } }
              grantCredits(input: {id: "g-1", license: "globex", amount: 1}) { errors { code } }
            }"""
        )
        operator.post_events(cloudevent("users.level", "globex", "e", value=1))
        served.refresh()
        after = asked()
    assert after == before
    assert b"FORBIDDEN" in b"".join(content for _, content in after)
    with served.client("consumption:read") as everywhere:
        version = '{ license(key: "globex") { name consumption { version } contract { version } } }'
        assert everywhere.data(version) == {
            "license": {"name": "Globex", "consumption": {"version": 3}, "contract": {"version": 1}}
        }


def test_events_of_a_license_that_the_key_does_not_name_are_refused_one_by_one(library: Served) -> None:
    with library.client("usage:write", license="acme") as client:
        answer = client.post_events(
            cloudevent("users.level", "acme", "mine", value=1),
            cloudevent("users.level", "globex", "theirs", value=1),
            cloudevent("users.level", "Acme", "not quite mine", value=1),
        )
    assert answer.status_code == 200
    body = answer.json()
    assert body["accepted"] + body["duplicates"] == 1
    assert body["rejected"] == [
        {
            "index": index,
            "id": id,
            "code": "FORBIDDEN",
            "message": f"This key may not write usage of license '{license}'.",
        }
        for index, id, license in ((1, "theirs", "globex"), (2, "not quite mine", "Acme"))
    ]


def test_a_caller_without_the_scope_is_refused_whatever_the_body_is(library: Served) -> None:
    with library.client("consumption:read") as client:
        answer = client.post("/events", content=b"x" * 1_000_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 403


GRANT_AND_REST = """mutation { grantCredits(input: {id: "seen", license: "acme", amount: 1}) {
  grant { key amount %s } errors { code }
} }"""
PUT_AND_REST = 'mutation { putLicense(input: {key: "acme", name: "Acme"}) { license { name %s } errors { code } } }'


@pytest.mark.parametrize(
    "query",
    [
        GRANT_AND_REST % "remaining",
        PUT_AND_REST % "consumption { version }",
        PUT_AND_REST % "grants { edges { node { remaining } } }",
        PUT_AND_REST % "alerts { edges { cursor } }",
        PUT_AND_REST % "creditRequests { edges { cursor } }",
        'mutation { voidGrant(input: {grant: "g-1", license: "acme", note: "n"}) { grant { remaining } } }',
    ],
)
def test_a_mutation_shows_consumption_with_the_scope_to_read_alone(library: Served, query: str) -> None:
    with library.client("contract:write", license="acme") as writer:
        assert errors_of(writer.graphql(query)) == {"FORBIDDEN"}
    with library.client("contract:write", "consumption:read", license="acme") as both:
        assert "errors" not in both.graphql(query)


def test_a_key_that_only_writes_learns_no_names_from_suggestions(library: Served) -> None:
    mutations = [
        'closeEntity(input: {license: "acme", entity: "bee", from: "2026-03-15"}) { errors { message } }',
        'renameEntity(input: {license: "acme", entity: "bee", name: "x"}) { errors { message } }',
        'voidGrant(input: {grant: "g-11", license: "acme", note: "n"}) { errors { message } }',
        'putWebhookEndpoint(input: {license: "acne", key: "x", url: "https://x.example"}) { errors { message } }',
        'recordUsage(events: [{id: "1", source: "/t", type: "users.level", license: "acne", value: 1}]) '
        "{ rejected { message } }",
    ]
    writes = ("contract:write", "usage:write", "webhooks:write", "check-in:write")
    queries = [f"mutation {{ {mutation} }}" for mutation in mutations] + [
        '{ webhookEndpoints(license: "acne") { key } }'
    ]
    event = cloudevent("users.level", "acne", "u-1", value=3)
    with library.client(*writes) as writer, library.client(*ALL_SCOPES) as reader:
        for query in queries:
            blind, seeing = (str(client.graphql(query)) for client in (writer, reader))
            assert "No license 'acne'." in blind or "The license has no" in blind
            assert "Did you mean" not in blind
            assert "Did you mean" in seeing
        assert "Did you mean" not in writer.post_events(event).text
        assert "Did you mean 'acme'?" in reader.post_events(event).text
