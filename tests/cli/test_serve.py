import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx2
import pytest

from tests.cli.command import Run, ask, process, serving
from tests.services.brokers import emptied_redis, rabbitmq_queues
from tests.services.finder import Services

LICENSE = "licenses: [{key: acme, name: Acme}]"


@pytest.fixture
def operator(run: Run, tmp_path: Path) -> str:
    """A token for everything, in a database with one license."""
    (tmp_path / "acme.yaml").write_text(LICENSE)
    assert run("licenses", "import", "acme.yaml").code == 0
    assert run("refresh").code == 0
    scopes = ("operate", "consumption:read", "usage:write", "contract:write")
    made = run("keys", "create", "test", "--all-licenses", *(part for scope in scopes for part in ("--scope", scope)))
    return made.out.splitlines()[-1]


def refresh_and_wait(address: str, token: str) -> dict[str, Any]:
    """Ask the server for a refresh, and wait until a worker did it."""
    mutation = 'mutation { refreshConsumption(license: "acme") { id status } }'
    asked = ask(address, token, mutation)["refreshConsumption"]
    patience = monotonic() + 20
    while monotonic() < patience:
        query = "query($id: ID!) { node(id: $id) { ... on RefreshRequest { status problem { message } } } }"
        found: dict[str, Any] = ask(address, token, query, id=asked["id"])["node"]
        if found["status"] not in ("QUEUED", "RUNNING"):
            return found
        sleep(0.1)
    pytest.fail(f"nobody did it: {found}")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_answers_and_stops_in_good_order(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(cwd=tmp_path, database_url=database_url) as (server, address):
        assert address.startswith("http://127.0.0.1:")
        assert httpx2.get(f"{address}/healthz").json() == {"status": "ok"}
        assert httpx2.get(f"{address}/graphiql").status_code == 200
        assert server.stop(number) == 0


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_requests_are_logged_only_where_that_is_asked_for(database_url: str, tmp_path: Path) -> None:
    for option, logged in (([], False), (["--access-log"], True)):
        with serving(*option, cwd=tmp_path, database_url=database_url) as (server, address):
            httpx2.get(f"{address}/healthz")
            server.popen.terminate()
            assert ("GET /healthz" in server.popen.communicate(timeout=30)[0]) is logged


def test_without_a_broker_the_server_refreshes_by_itself(operator: str, database_url: str, tmp_path: Path) -> None:
    # So seldom a look for work: what is done at once was announced.
    with serving(cwd=tmp_path, database_url=database_url, sweep_seconds=3600) as (server, address):
        assert refresh_and_wait(address, operator) == {"status": "DONE", "problem": None}
        assert server.stop() == 0


@pytest.fixture(
    params=[
        pytest.param("redis", marks=pytest.mark.needs("redis")),
        pytest.param("rabbitmq", marks=pytest.mark.needs("rabbitmq")),
    ]
)
def broker(request: pytest.FixtureRequest, services: Services) -> Iterator[dict[str, str]]:
    """The settings of a broker and of a queue that nobody else uses."""
    url = services.url(request.param)
    with ExitStack() as stack:
        if request.param == "redis":
            yield {"broker_url": stack.enter_context(emptied_redis(url)), "queue": "test"}
        else:
            yield {"broker_url": url, "queue": stack.enter_context(rabbitmq_queues(url, "refresh")) + "refresh"}


@pytest.mark.long
@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.needs("postgres"))], indirect=True
)
def test_servers_and_workers_run_apart_over_a_broker(
    operator: str, database_url: str, broker: dict[str, str], tmp_path: Path
) -> None:
    settings = {"database_url": database_url, "sweep_seconds": 3600, **broker}
    with (
        process("worker", cwd=tmp_path, **settings) as worker,
        serving(cwd=tmp_path, **settings) as (server, address),
    ):
        worker.line_with("The worker runs.")
        assert refresh_and_wait(address, operator) == {"status": "DONE", "problem": None}
        assert server.stop() == 0
        assert worker.stop() == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_alone_without_a_broker_is_refused_by_the_name_of_the_setting(run: Run) -> None:
    refused = run("worker")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("ALLOWANCE_BROKER_URL is memory://")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_port_that_is_taken_is_refused_before_anything_else(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(signal, "signal", lambda *_: None)  # those of the test run are to stay
            refused = run("serve", "--port", port)
    assert (refused.code, refused.out, refused.err) == (
        1,
        "",
        f"Cannot listen at 127.0.0.1, port {port}: Address already in use. Give another --host or --port, or stop what "
        "listens there.\n",
    )
