"""Who follows a license hears of a refresh that another process ran."""

from pathlib import Path

import pytest

from tests.api.graphql.subscriptions.sockets import FOLLOW
from tests.api.graphql.subscriptions.test_event_stream import stream, version
from tests.e2e.operations import put_licenses, versions
from tests.e2e.processes import Installation, eventually


@pytest.mark.long
def test_a_refresh_by_the_command_is_told_by_a_server_that_then_completes_the_stream(
    database_url: str, tmp_path: Path
) -> None:
    installation = Installation(tmp_path, database_url)
    with installation.serving() as (server, url), installation.client(url) as client:
        put_licenses(client, ["acme"])
        eventually(lambda: versions(client)["acme"] >= 2)  # by the worker inside the server
        with stream(client, FOLLOW) as (_, lines):
            events = (line for line in lines if line[0] != ":")  # comments keep the connection alive on a slow machine
            before = version(next(events))
            refreshed = installation.run("refresh", "--license", "acme")
            assert refreshed.returncode == 0, refreshed.stderr
            newest = versions(client)["acme"]
            assert newest > before
            while version(next(events)) < newest:
                pass
            server.stop()
            assert list(events) == [("complete", None)]
