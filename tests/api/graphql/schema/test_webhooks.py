"""Webhook endpoints over GraphQL: managed, tried, logged, and out of reach for other licenses' keys."""

from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from core.delivery.outbox.dispatch import send_due
from core.delivery.webhooks.channel import WebhookChannel
from core.settings import Settings
from tests.api.graphql.schema.test_connections import counted_statements, remember_key
from tests.api.server import Client, Served, cloudevent, nodes, serving
from tests.core.delivery.webhooks.receiver import Receiver, answer, receiving

LICENSES = """mutation {
  a: putLicense(input: {key: "acme", name: "Acme"}) { errors { message } }
  b: putLicense(input: {key: "other", name: "Other"}) { errors { message } }
  putContract(input: { license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01",
    terms: [{key: "forms", value: 5}] }) { errors { message } }
}"""
PUT = """mutation($input: WebhookEndpointInput!) { putWebhookEndpoint(input: $input) {
  endpoint { key url kinds enabled disabledBecause createdAt } secret errors { code message path }
} }"""
ROTATE = """mutation($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) {
  endpoint { key } secret errors { code message path }
} }"""
DELETE = """mutation($input: WebhookEndpointKeyInput!) { deleteWebhookEndpoint(input: $input) {
  deleted errors { code path }
} }"""
TEST = """mutation($input: WebhookEndpointKeyInput!) { sendTestWebhook(input: $input) {
  delivery { id kind status detail said createdAt dueAt attempts { status } } errors { code message path }
} }"""
REDELIVER = """mutation($input: RedeliverWebhookInput!) { redeliverWebhook(input: $input) {
  delivery { id kind status attempts { status } } errors { code message path }
} }"""
LIST = """query($license: String, $first: Int, $after: String) { webhookEndpoints(license: $license) {
  key url kinds enabled disabledBecause
  deliveries(first: $first, after: $after) {
    edges { cursor node { id kind status detail said dueAt attempts { at milliseconds status answer error } } }
    pageInfo { hasNextPage endCursor }
  }
} }"""
URL = "https://platform.example/hooks"


@pytest.fixture
def served(database_url: str, clock: object) -> Iterator[Served]:
    """A server whose webhooks may go to this machine."""
    with serving(Settings(database_url=database_url, webhook_networks="127.0.0.0/8")) as served:
        with served.client() as client:
            client.data(LICENSES)
        yield served


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(answer("200 OK", b"thanks")) as receiver:
        yield receiver


@pytest.fixture
def platform(served: Served) -> Iterator[Client]:
    """A client that may manage the webhooks of acme, and nothing else."""
    with served.client("webhooks:write", license="acme") as client:
        yield client


def put(client: Client, url: str = URL, **fields: object) -> Any:
    given = {"license": "acme", "key": "platform", "url": url, **fields}
    return client.data(PUT, input=given)["putWebhookEndpoint"]


def deliver(served: Served) -> None:
    channel = WebhookChannel(served.runtime.settings, served.runtime.database)
    while send_due(served.runtime.database, {"webhook": channel}):
        pass


ONE = {"license": "acme", "key": "platform"}


def test_an_endpoint_is_created_with_a_secret_shown_once_then_changed_and_deleted(platform: Client) -> None:
    made = put(platform, kinds=["threshold.recovered"])
    assert made["secret"].startswith("whsec_")
    assert made["endpoint"] == {
        "key": "platform",
        "url": URL,
        "kinds": ["threshold.recovered"],
        "enabled": True,
        "disabledBecause": None,
        "createdAt": "2026-03-10T09:30:00Z",
    }
    changed = put(platform, enabled=False)
    assert (changed["secret"], changed["endpoint"]["enabled"]) == (None, False)
    assert changed["endpoint"]["kinds"] == ["threshold.recovered"]
    assert put(platform, kinds=None)["endpoint"]["kinds"] is None
    [listed] = platform.data(LIST)["webhookEndpoints"]
    assert (listed["key"], listed["deliveries"]["edges"]) == ("platform", [])
    assert "secret" not in str(listed)
    assert platform.data(DELETE, input=ONE)["deleteWebhookEndpoint"] == {"deleted": True, "errors": []}
    assert platform.data(LIST)["webhookEndpoints"] == []
    gone = platform.data(DELETE, input=ONE)["deleteWebhookEndpoint"]
    assert gone == {"deleted": False, "errors": [{"code": "UNKNOWN_ENDPOINT", "path": ["key"]}]}


def test_errors_of_webhook_mutations_are_data_and_nothing_is_written(platform: Client) -> None:
    found = put(platform, "http://8.8.8.8/", key="a b", kinds=["x"])
    assert (found["endpoint"], found["secret"]) == (None, None)
    assert [(one["code"], one["path"]) for one in found["errors"]] == [
        ("BAD_INPUT", ["key"]),
        ("BAD_INPUT", ["url"]),
        ("UNKNOWN_KIND", ["kinds", "0"]),
    ]
    for query, name, given, path in [
        (ROTATE, "rotateWebhookSecret", {**ONE, "overlapHours": -1}, ["overlapHours"]),
        (ROTATE, "rotateWebhookSecret", {**ONE, "overlapHours": 2**31 - 1}, ["overlapHours"]),
        (ROTATE, "rotateWebhookSecret", ONE, ["key"]),
        (TEST, "sendTestWebhook", {**ONE, "key": "\0"}, ["key"]),
        (REDELIVER, "redeliverWebhook", {"license": "acme", "delivery": "\0"}, ["delivery"]),
    ]:
        [error] = platform.data(query, input=given)[name]["errors"]
        assert error["path"] == path
    assert platform.data(LIST)["webhookEndpoints"] == []


def test_a_test_message_is_delivered_logged_and_redelivered_under_the_same_id(
    served: Served, platform: Client, receiver: Receiver
) -> None:
    secret = put(platform, receiver.url())["secret"]
    sent = platform.data(TEST, input=ONE)["sendTestWebhook"]
    assert (sent["errors"], sent["delivery"]["kind"], sent["delivery"]["status"]) == ([], "webhook.test", "PENDING")
    assert (sent["delivery"]["detail"], sent["delivery"]["said"], sent["delivery"]["attempts"]) == (None, None, [])
    assert sent["delivery"]["dueAt"] == sent["delivery"]["createdAt"] == "2026-03-10T09:30:00Z"
    deliver(served)
    again = platform.data(REDELIVER, input={"license": "acme", "delivery": sent["delivery"]["id"]})
    assert again["redeliverWebhook"] == {
        "delivery": {**{key: sent["delivery"][key] for key in ("id", "kind", "status")}, "attempts": [{"status": 200}]},
        "errors": [],
    }
    deliver(served)
    assert [one.headers["webhook-id"] for one in receiver.requests] == [sent["delivery"]["id"]] * 2
    Webhook(secret).verify(receiver.requests[1].body, receiver.requests[1].headers)
    [endpoint] = platform.data(LIST)["webhookEndpoints"]
    [delivery] = nodes(endpoint["deliveries"])
    assert (delivery["status"], delivery["detail"], delivery["dueAt"]) == ("SENT", "It answered 200 OK.", None)
    assert delivery["said"] == delivery["detail"]
    assert [(one["at"], one["status"], one["answer"], one["error"]) for one in delivery["attempts"]] == [
        ("2026-03-10T09:30:00Z", 200, "thanks", None)
    ] * 2


def test_a_crossing_reaches_the_endpoint_and_rotated_secrets_overlap(
    served: Served, operator: Client, platform: Client, receiver: Receiver
) -> None:
    old = put(platform, receiver.url())["secret"]
    rotated = platform.data(ROTATE, input=ONE)["rotateWebhookSecret"]
    assert (rotated["endpoint"], rotated["errors"]) == ({"key": "platform"}, [])
    operator.post_events(cloudevent("forms.level", "acme", "f", value=6))
    served.refresh()
    deliver(served)
    [request] = receiver.requests
    for secret in (old, rotated["secret"]):
        said = Webhook(secret).verify(request.body, request.headers)
        assert (said["type"], said["data"]["license"]) == ("threshold.crossed", "acme")
    [alert] = said["data"]["alerts"]
    shown = operator.data('{ license(key: "acme") { alerts { edges { node { id meter { key } } } } } }')
    assert nodes(shown["license"]["alerts"]) == [{"id": alert["id"], "meter": {"key": alert["meter"]}}]


def test_deliveries_are_paged_without_gaps_or_repeats(served: Served, platform: Client, receiver: Receiver) -> None:
    put(platform, receiver.url())
    for _ in range(3):
        platform.data(TEST, input=ONE)
        deliver(served)
    seen, after = [], None
    while True:
        [endpoint] = platform.data(LIST, first=2, after=after)["webhookEndpoints"]
        seen += [one["id"] for one in nodes(endpoint["deliveries"])]
        after = endpoint["deliveries"]["pageInfo"]["endCursor"]
        if not endpoint["deliveries"]["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 3
    assert platform.error(LIST, after="nonsense")[0] == "BAD_CURSOR"
    assert platform.error(LIST, first=100)[0] == "TOO_COSTLY"
    without_attempts = "{ webhookEndpoints { deliveries(first: %d) { edges { node { id } } } } }"
    assert len(platform.data(without_attempts % 100)["webhookEndpoints"]) == 1
    assert platform.error(without_attempts % 101)[0] == "BAD_INPUT"


def test_the_deliveries_of_twenty_endpoints_cost_as_many_statements_as_those_of_one(
    served: Served, platform: Client
) -> None:
    counts = []
    for number in range(20):
        key = f"p{number}"
        put(platform, key=key)
        platform.data(TEST, input={"license": "acme", "key": key})
        if number + 1 in (1, 20):
            remember_key(platform)
            with counted_statements(served.runtime) as statements:
                endpoints = platform.data(LIST, first=2)["webhookEndpoints"]
            assert [len(one["deliveries"]["edges"]) for one in endpoints] == [1] * (number + 1)
            counts.append(len(statements))
    assert counts[0] == counts[1]


def test_webhooks_of_another_license_are_forbidden(served: Served, platform: Client, receiver: Receiver) -> None:
    put(platform, receiver.url())
    delivery = platform.data(TEST, input=ONE)["sendTestWebhook"]["delivery"]["id"]
    with served.client("webhooks:write", "operate", license="other") as stranger:
        for query, given in [
            (PUT, {**ONE, "url": URL}),
            (ROTATE, ONE),
            (DELETE, ONE),
            (TEST, ONE),
            (REDELIVER, {"license": "acme", "delivery": delivery}),
        ]:
            assert stranger.error(query, input=given)[0] == "FORBIDDEN"
            unknown = stranger.error(query, input={**given, "license": "nobody"})[1]
            assert stranger.error(query, input=given)[1] == unknown.replace("nobody", "acme")
        assert stranger.error(LIST, license="acme")[0] == "FORBIDDEN"
        assert stranger.data(LIST)["webhookEndpoints"] == []
        mine = stranger.data(REDELIVER, input={"license": "other", "delivery": delivery})["redeliverWebhook"]
        assert [one["code"] for one in mine["errors"]] == ["UNKNOWN_DELIVERY"]
    [endpoint] = platform.data(LIST)["webhookEndpoints"]
    assert endpoint["url"] == receiver.url()


def test_a_key_for_all_licenses_must_name_a_license(operator: Client) -> None:
    put(operator)
    assert [one["key"] for one in operator.data(LIST, license="acme")["webhookEndpoints"]] == ["platform"]
    assert operator.error(LIST)[0] == "BAD_INPUT"
    assert operator.error(LIST, license="acne") == ("NOT_FOUND", "No license 'acne'. Did you mean 'acme'?")
    assert [one["code"] for one in put(operator, license="acne")["errors"]] == ["UNKNOWN_LICENSE"]
