"""Reading the overview of a license over GraphQL."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Final

import httpx2
import orjson

from core.access.keys import Scope
from core.runtime import open_runtime
from core.settings import load_settings
from core.work.jobs import refresh_all_due
from tests.bench import places
from tests.bench.clients import Clients, clients, for_seconds, http_post
from tests.bench.events import everything
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import license_key, make_licenses
from tests.bench.refresh import make_due
from tests.fixtures.engine import Engine

PROCESSES: Final = 2
CONNECTIONS: Final = 16
LICENSES: Final = 20
CONSTANT: Final = "the same server answering a constant of that length"
POSTGRESQL: Final = "overviews over HTTP, 16 connections, PostgreSQL"
SQLITE: Final = "overviews over HTTP, 16 connections, SQLite"

_OVERVIEW: Final = """
query MyConsumption($license: String) {
  consumption(license: $license) {
    status
    updatedAt
    sections {
      key title status updatedAt nextUpdateAt consumptionSince
      readings {
        meter { key title unit }
        status used limit remaining utilization limitBasis freshness
        breakdown { dimension key label used }
        problem { message since }
      }
    }
  }
}
"""


def run(scale: Scale) -> Iterator[Found]:
    """Overviews of one server process, on each database, against a constant answer."""
    rounds, seconds = scale.of((2, 1.5), (5, 2.5), (9, 10))
    with ExitStack() as stack:
        readers = stack.enter_context(clients(PROCESSES))
        measures = {}
        for name, place in ((POSTGRESQL, places.postgresql), (SQLITE, places.sqlite)):
            url = stack.enter_context(place())
            _fill(url)
            database = stack.enter_context(places.opened(url))
            token = places.new_token(database, Scope.CONSUMPTION_READ)
            server = stack.enter_context(places.server(url))
            measures[name] = partial(_take, readers, server, token, seconds)
            answer = _answer(server, token)
        constant = stack.enter_context(places.constant(answer))
        measures[CONSTANT] = partial(_take, readers, constant, token, seconds)
        taken = interleaved(rounds, measures)
        for name in (POSTGRESQL, SQLITE):
            yield compare(taken, name, CONSTANT, "requests/s")
        yield Remark(f"An answer has {len(answer):,} bytes.")


def overviews(token: str) -> Iterator[bytes]:
    """Requests for the overviews of the first licenses, without end."""
    for number in count():
        yield http_post("/graphql", token, _body(number % LICENSES))


def _body(license: int) -> bytes:
    return orjson.dumps({"query": _OVERVIEW, "variables": {"license": license_key(license)}})


def _fill(url: str) -> None:
    with open_runtime(load_settings(database_url=url)) as runtime:
        make_licenses(runtime.database, LICENSES)
        now = datetime.now(UTC)
        for license in range(LICENSES):
            Engine(runtime).send(*everything(runtime.registry, license_key(license), now, 5), now=now)
        make_due(runtime.database, now)
        refresh_all_due(runtime)


def _answer(server: places.Server, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = httpx2.post(f"{server.address}/graphql", content=_body(0), headers=headers)
    if answer.status_code != 200 or b'"errors"' in answer.content or b'"UNKNOWN"' in answer.content:
        raise RuntimeError(f"not the overview that is to be measured: {answer.text}")
    return answer.content


def _take(readers: Clients, server: places.Server, token: str, seconds: float) -> float:
    """Overviews in a second."""
    requests = [partial(_some, token, seconds)] * PROCESSES
    answers = readers.send([server.address], requests, CONNECTIONS // PROCESSES)
    answers.require_all()
    return answers.rate


def _some(token: str, seconds: float) -> Iterator[bytes]:
    return for_seconds(overviews(token), seconds)
