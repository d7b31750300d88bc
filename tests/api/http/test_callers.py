"""The addresses that unknown tokens are counted for."""

from pathlib import Path

from core.settings import Settings
from tests.api.server import Client, serving


def test_unknown_tokens_of_one_ipv6_network_are_counted_together(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'test.db'}", unknown_tokens_per_second=1)
    with serving(settings) as served, served.anonymous() as client:
        assert {status(client, f"2001:db8:0:1::{number:x}") for number in range(30)} == {401, 429}
        assert status(client, "2001:db8:0:2::1") == 401


def status(client: Client, address: str) -> int:
    headers = {"Authorization": f"Bearer alw_{address}", "X-Forwarded-For": address}
    return client.post("/events", json=[], headers=headers).status_code
