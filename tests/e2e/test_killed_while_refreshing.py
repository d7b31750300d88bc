"""Whoever refreshes is killed meanwhile: every refresh is done all the same, and nothing is left half done."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.api.server import Client
from tests.e2e.operations import ask_for_refresh, put_licenses, statuses, versions, wait_until_done
from tests.e2e.plugins import install, meter
from tests.e2e.processes import Installation, Process, eventually

SETTINGS = {
    "refresh_batch": 2,
    "worker_threads": 1,
    "sweep_seconds": 0.3,
    "refresh_lease_seconds": 4,
    "meter_timeout_seconds": 3,
}
# Its meter takes its time, and starts something that goes on when it has answered.
SLOW = meter("slow", 'system(b"sleep 600 &")\ntime.sleep(0.15)\nreturn Reading(used=1)')


def with_a_slow_meter(installation: Installation, folder: Path) -> Installation:
    install(folder, "slow", SLOW)
    installation.path = (folder,)
    installation.settings |= SETTINGS
    return installation


@pytest.fixture
def keys(long_form: bool) -> Sequence[str]:
    return [f"license-{number}" for number in range(36 if long_form else 10)]


@pytest.fixture
def kills(long_form: bool) -> int:
    return 2 if long_form else 1


def kill_amid(process: Process, client: Client, requests: Sequence[str], begun: int, random: Random) -> None:
    """Kill it at some moment after it has begun refreshes that nobody had begun before."""
    eventually(lambda: waiting(client, requests) < begun)
    sleep(random.uniform(0, 0.5))
    process.kill()


def waiting(client: Client, requests: Sequence[str]) -> int:
    return statuses(client, requests).count("QUEUED")


def check_whole(client: Client) -> None:
    """A refresh measures all meters at one moment, so that a whole snapshot shows one."""
    answer = client.data(
        """{ licenses(first: 100) { edges { node { consumption { sections { key readings {
             measuredAt freshness problem { code }
           } } } } } } }"""
    )
    for edge in answer["licenses"]["edges"]:
        sections = edge["node"]["consumption"]["sections"]
        # Installations are live, measured when they are asked for.
        measured = [section for section in sections if section["key"] != "installations"]
        readings = [reading for section in measured for reading in section["readings"]]
        assert len(readings) > 1
        assert len({reading["measuredAt"] for reading in readings}) == 1
        assert [reading["problem"] for reading in readings if reading["problem"]] == []


def check_all_done(installation: Installation, client: Client, keys: Sequence[str], requests: Sequence[str]) -> None:
    wait_until_done(client, requests)
    check_whole(client)
    before = versions(client)
    assert min(before.values()) > 0
    wait_until_done(client, ask_for_refresh(client, *keys))
    after = versions(client)
    assert [key for key in keys if after[key] <= before[key]] == []
    check_whole(client)
    recounted = installation.run("recount")
    assert (recounted.returncode, recounted.stdout) == (0, f"No differences in {len(keys)} licenses.\n")


@pytest.mark.long
@pytest.mark.parametrize(
    "distributed", [pytest.param("redis", marks=pytest.mark.needs("postgres", "redis"))], indirect=True
)
def test_the_refreshes_of_a_killed_worker_are_done_by_others(
    distributed: Installation, tmp_path: Path, keys: Sequence[str], kills: int, random: Random
) -> None:
    installation = with_a_slow_meter(distributed, tmp_path / "partner")
    with installation.serving() as (_, url), installation.client(url) as client:
        put_licenses(client, keys)
        requests = ask_for_refresh(client, *keys)
        for _ in range(kills):
            before = waiting(client, requests)
            with installation.running("worker") as worker:
                kill_amid(worker, client, requests, before, random)
            check_whole(client)
            eventually(lambda: [line for line in installation.processes() if " serve " not in line] == [])
        with installation.working() as worker:
            check_all_done(installation, client, keys, requests)
            worker.stop()
    eventually(lambda: installation.processes() == [])


@pytest.mark.long
def test_the_refreshes_of_a_killed_server_are_done_when_it_is_started_again(
    home: Path, tmp_path: Path, keys: Sequence[str], kills: int, random: Random
) -> None:
    embedded = Installation(home, f"sqlite:///{home}/data/allowance.db")
    installation = with_a_slow_meter(embedded, tmp_path / "partner")
    requests: list[str] = []
    for _ in range(kills):
        with installation.serving() as (server, url), installation.client(url) as client:
            if not requests:
                put_licenses(client, keys)
            requests += ask_for_refresh(client, *keys)
            check_whole(client)
            kill_amid(server, client, requests, waiting(client, requests), random)
        eventually(lambda: installation.processes() == [])
    with installation.serving() as (server, url), installation.client(url) as client:
        check_all_done(installation, client, keys, requests)
        server.stop()
    eventually(lambda: installation.processes() == [])
