"""What the tests ask a server for."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.server import Client
from tests.e2e.processes import PATIENCE, eventually

TERMS = {"profiles": 1000, "interactions_per_profile": 10, "users": 20}


def put_licenses(client: Client, keys: Iterable[str], terms: dict[str, int] | None = None) -> None:
    """Put licenses, with contracts that began the day before yesterday: there is little past to measure."""
    given = ", ".join(f'{{key: "{key}", value: {value}}}' for key, value in (TERMS | (terms or {})).items())
    since = datetime.now(UTC).date() - timedelta(days=2)
    dates = f'effectiveFrom: "{since}", startsOn: "{since}"'
    for put in ("putLicense", "putContract"):
        parts = [
            f'{put}(input: {{key: "{key}", name: "License {key}"}})'
            if put == "putLicense"
            else f'{put}(input: {{license: "{key}", {dates}, terms: [{given}]}})'
            for key in keys
        ]
        answer = client.data(f"mutation {{ {_aliased(parts, '{ errors { message } }')} }}")
        assert [result["errors"] for result in answer.values()] == [[]] * len(parts)


def ask_for_refresh(client: Client, *keys: str) -> list[str]:
    """Ask for a refresh of each license, in one request; the ids of the requests."""
    parts = [f'refreshConsumption(license: "{key}")' for key in keys]
    return [request["id"] for request in client.data(f"mutation {{ {_aliased(parts, '{ id }')} }}").values()]


def statuses(client: Client, requests: Sequence[str]) -> list[str]:
    """How far the refreshes are that were asked for."""
    parts = [f'node(id: "{request}")' for request in requests]
    answer = client.data(f"{{ {_aliased(parts, '{ ... on RefreshRequest { status } }')} }}")
    return [request["status"] for request in answer.values()]


def wait_until_done(client: Client, requests: Sequence[str], within: float = PATIENCE) -> None:
    """Wait for the refreshes that were asked for."""
    eventually(lambda: set(statuses(client, requests)) == {"DONE"}, within)


def versions(client: Client) -> dict[str, int]:
    """The version of each license's snapshot; 0 where none was made yet."""
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


def _aliased(parts: Sequence[str], selection: str) -> str:
    return " ".join(f"a{number}: {part} {selection}" for number, part in enumerate(parts))
