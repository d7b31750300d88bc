"""The page on webhooks: its receiver runs, its payload is what arrives, its queries are of the schema."""

import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import time_machine
from graphql import build_schema, parse, validate

from core.delivery.message_kinds import KINDS, TEST
from core.delivery.outbox.dispatch import send_due
from core.delivery.webhooks.channel import WebhookChannel
from core.settings import Settings
from tests.api.server import Client, Served, cloudevent, serving
from tests.core.delivery.webhooks.receiver import receiving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "webhooks.md").read_text()
SCHEMA = build_schema((ROOT / "api" / "schema.graphql").read_text())
QUERIES = {
    query.split("{")[0].split("(")[0].strip(): query
    for query in re.findall(r"^```graphql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
SET_UP = """mutation {
  putLicense(input: {key: "acme", name: "Acme"}) { errors { message } }
  putContract(input: {license: "acme", effectiveFrom: "2026-01-01", startsOn: "2026-01-01",
    terms: [{key: "forms", value: 5}]}) { errors { message } }
}"""


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def served(new_sqlite: Any, tmp_path: Path, clock: time_machine.Traveller) -> Iterator[Served]:
    settings = Settings(database_url=new_sqlite(tmp_path / "page.db"), webhook_networks="127.0.0.0/8")
    with serving(settings) as served:
        with served.client() as client:
            client.data(SET_UP)
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client() as client:
        yield client


def at(url: str) -> str:
    return QUERIES["mutation Add"].replace("https://platform.example/hooks", url)


def forms(served: Served, client: Client, value: int) -> None:
    client.post_events(cloudevent("forms.level", "acme", f"{value}", value=value))
    client.data('mutation { refreshConsumption(license: "acme") { id } }')
    served.refresh()


def deliver(served: Served) -> None:
    channel = WebhookChannel(served.runtime.settings, served.runtime.database)
    while send_due(served.runtime.database, {"webhook": channel}):
        pass


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_is_one_of_the_schema(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


def test_every_kind_is_explained() -> None:
    (rows,) = re.findall(r"^\| kind \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert [row.split("`")[1] for row in rows.splitlines()] == [*KINDS, TEST]


def test_the_receiver_blocks_while_the_limit_is_crossed_and_refuses_unsigned_requests(
    served: Served, client: Client, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    with receiving() as nobody:
        secret = client.data(at(nobody.url()))["putWebhookEndpoint"]["secret"]
    monkeypatch.setitem(os.environ, "WEBHOOK_SECRET", secret)
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(code, "webhooks.md", "exec"), names)  # noqa: S102 - the page is ours
    monkeypatch.setattr(names["Receiver"], "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), names["Receiver"]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
        client.data(at(url))
        allowed, standing = [names["may_continue"]("acme", "forms")], []
        for value in (6, 4, 7):
            forms(served, client, value)
            deliver(served)
            allowed.append(names["may_continue"]("acme", "forms"))
            stands = client.data(QUERIES["query OpenAlerts"])["license"]["alerts"]["edges"]
            standing.append([(edge["node"]["meter"]["key"], edge["node"]["ratio"]) for edge in stands])
            clock.shift(timedelta(hours=1))
        test = client.data(QUERIES["mutation Try"])["sendTestWebhook"]
        deliver(served)
        again = client.data(QUERIES["mutation Again"], delivery=test["delivery"]["id"])["redeliverWebhook"]
        deliver(served)
        statuses = [httpx2.post(url, content=b"{}", headers=headers).status_code for headers in UNSIGNED]
        server.shutdown()
        thread.join()
    assert allowed == [True, False, True, False]
    assert again == {"delivery": {"id": test["delivery"]["id"], "status": "PENDING"}, "errors": []}
    assert statuses == [400] * len(UNSIGNED)
    [endpoint] = client.data(QUERIES["query Log"])["webhookEndpoints"]
    logged = [edge["node"] for edge in endpoint["deliveries"]["edges"]]
    assert [(one["kind"], one["status"], [each["status"] for each in one["attempts"]]) for one in logged] == [
        ("webhook.test", "SENT", [204, 204]),
        ("threshold.reopened", "SENT", [204]),
        ("threshold.recovered", "SENT", [204]),
        ("threshold.crossed", "SENT", [204]),
    ]
    assert standing == [[("forms", 1)], [], [("forms", 1)]]


UNSIGNED: list[dict[str, str]] = [
    {},
    {"webhook-id": "x", "webhook-timestamp": str(int(NOW.timestamp()) + 7200), "webhook-signature": "v1,AAAA"},
    {"webhook-id": "x", "webhook-timestamp": str(int(NOW.timestamp()) + 7200), "webhook-signature": "nonsense"},
    {"webhook-id": "x", "webhook-timestamp": "soon", "webhook-signature": "v1,AAAA"},
]


def test_the_request_equals_the_request_on_the_page(served: Served, client: Client) -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (head,) = re.findall(r"^```\n(POST.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    with receiving() as receiver:
        client.data(at(receiver.url()))
        forms(served, client, 6)
        deliver(served)
        [request] = receiver.requests
    expected, came = orjson.loads(shown), request.json
    expected["data"]["alerts"][0]["id"] = came["data"]["alerts"][0]["id"]
    assert came == expected
    line, *headers = head.splitlines()
    assert request.line == line
    for header in headers:
        name, _, value = header.partition(": ")
        assert len(request.headers[name.lower()]) == len(value)


def test_a_rotation_gives_a_new_secret(client: Client) -> None:
    secret = client.data(QUERIES["mutation Add"])["putWebhookEndpoint"]["secret"]
    rotated = client.data(QUERIES["mutation Rotate"])["rotateWebhookSecret"]
    assert rotated["errors"] == []
    assert rotated["secret"] != secret
