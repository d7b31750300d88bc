"""What the tests ask a server for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.server import Client
from tests.e2e.processes import PATIENCE, eventually

MOST_ALIASES = 50
TERMS = {"profiles": 1000, "interactions_per_profile": 10, "users": 20}


def put_licenses(client: Client, keys: Sequence[str], terms: Mapping[str, int] = {}) -> None:
    """Put licenses, with contracts that began the day before yesterday: there is little past to measure."""
    given = ", ".join(f'{{key: "{key}", value: {value}}}' for key, value in {**TERMS, **terms}.items())
    since = datetime.now(UTC).date() - timedelta(days=2)
    dates = f'effectiveFrom: "{since}", startsOn: "{since}"'
    for parts in (
        [f'putLicense(input: {{key: "{key}", name: "License {key}"}})' for key in keys],
        [f'putContract(input: {{license: "{key}", {dates}, terms: [{given}]}})' for key in keys],
    ):
        results = _all(client, "mutation", parts, "{ errors { message } }")
        assert [result["errors"] for result in results] == [[]] * len(keys)


def ask_for_refresh(client: Client, *keys: str) -> list[str]:
    """Ask for a refresh of each license; the ids of the requests."""
    parts = [f'refreshConsumption(license: "{key}")' for key in keys]
    return [request["id"] for request in _all(client, "mutation", parts, "{ id }")]


def statuses(client: Client, requests: Sequence[str]) -> list[str]:
    """How far the refreshes are that were asked for."""
    parts = [f'node(id: "{request}")' for request in requests]
    answers = _all(client, "query", parts, "{ ... on RefreshRequest { status } }")
    return [request["status"] for request in answers]


def wait_until_done(client: Client, requests: Sequence[str], within: float = PATIENCE) -> None:
    """Wait for the refreshes that were asked for."""
    eventually(lambda: set(statuses(client, requests)) == {"DONE"}, within)


def versions(client: Client) -> dict[str, int]:
    """The version of what is shown of each license: 1 once its contract is put, and one more with each refresh."""
    answer = client.data("{ licenses(first: 100) { edges { node { key consumption { version } } } } }")
    nodes = [edge["node"] for edge in answer["licenses"]["edges"]]
    return {node["key"]: node["consumption"]["version"] for node in nodes}


def readings(client: Client, key: str) -> dict[str, Any]:
    """The readings of a license by meter."""
    answer = client.data(
        """query ($key: String) { consumption(license: $key) { sections { readings {
             meter { key } used limit status freshness measuredAt problem { code message }
           } } } }""",
        key=key,
    )
    sections = answer["consumption"]["sections"]
    return {reading["meter"]["key"]: reading for section in sections for reading in section["readings"]}


def _all(client: Client, kind: str, parts: Sequence[str], selection: str) -> list[Any]:
    """What the parts are answered, as many in one operation as may have aliases."""
    answers: list[Any] = []
    for first in range(0, len(parts), MOST_ALIASES):
        asked = enumerate(parts[first : first + MOST_ALIASES])
        fields = " ".join(f"a{number}: {part} {selection}" for number, part in asked)
        answers += client.data(f"{kind} {{ {fields} }}").values()
    return answers
