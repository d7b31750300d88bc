"""Reading the overview of a license over GraphQL."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import httpx2
import orjson

from core.access.keys import Scope
from core.runtime import open_runtime
from core.settings import load_settings
from core.workers.refresh_due import refresh_all_due
from tests.api import node
from tests.bench import places, wrk
from tests.bench.clients import http_post
from tests.bench.events import everything
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import license_key, make_licenses
from tests.bench.refresh import make_due
from tests.fixtures.engine import Engine

CONNECTIONS: Final = 16
LICENSES: Final = 20
CONSTANT: Final = "the same server answering a constant of that length"
MERCURIUS: Final = "Mercurius with JIT, the same object from memory"
STRAWBERRY: Final = "plain Strawberry, parsed and validated once, the same objects in memory"
KNOWN: Final = "overviews asked before, {database}"
COLD: Final = "overviews that nobody asked before, {database}"
DATABASES: Final = {"PostgreSQL": places.postgresql, "SQLite": places.sqlite}

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
    """Overviews of one server process, on each database, beside a constant answer and other GraphQL servers."""
    rounds, seconds = scale.of((1, 1), (4, 2), (9, 10))
    with ExitStack() as stack:
        measures: dict[str, Callable[[], float]] = {}
        for name, place in DATABASES.items():
            url = stack.enter_context(place())
            fill(url, LICENSES)
            database = stack.enter_context(places.opened(url))
            token = places.new_token(database, Scope.CONSUMPTION_READ)
            server = stack.enter_context(places.server(url, graphql_operations_per_second=10**9))
            ask = partial(_ask, server, {"Authorization": f"Bearer {token}"}, seconds)
            measures[KNOWN.format(database=name)] = ask
            measures[COLD.format(database=name)] = partial(ask, all_differ=True)
            answer = _answer(server, token)
        for name, yardstick in ((CONSTANT, _constant), (MERCURIUS, _mercurius), (STRAWBERRY, _strawberry)):
            other = stack.enter_context(yardstick(answer))
            if orjson.loads(_answer(other, "none"))["data"] != orjson.loads(answer)["data"]:
                raise RuntimeError(f"{name} answers something else")
            measures[name] = partial(_ask, other, {}, seconds)
        taken = interleaved(rounds, measures)
        for name in DATABASES:
            known, cold = KNOWN.format(database=name), COLD.format(database=name)
            yield compare(taken, known, CONSTANT, "requests/s", "0.6")
            yield compare(taken, known, MERCURIUS, "requests/s", "1.2")
            yield compare(taken, cold, STRAWBERRY, "requests/s", "1, try for 2")
        yield Remark(f"An answer has {len(answer):,} bytes; {CONNECTIONS} connections.")


def _ask(server: places.Server, headers: Mapping[str, str], seconds: float, *, all_differ: bool = False) -> float:
    bodies = [_body(license) for license in range(LICENSES)]
    return wrk.rate(
        f"{server.address}/graphql",
        bodies,
        headers,
        seconds=seconds,
        connections=CONNECTIONS,
        all_differ=all_differ,
    )


def _constant(answer: bytes) -> AbstractContextManager[places.Server]:
    return places.constant(answer)


def _mercurius(answer: bytes) -> AbstractContextManager[places.Server]:
    node.install()
    sdl = Path(places.ROOT, "api", "schema.graphql").read_text()
    given = orjson.dumps({"schema": sdl, "data": orjson.loads(answer)["data"]})
    return places.yardstick(["node", "tests/clients/mercurius.mjs"], given)


def _strawberry(answer: bytes) -> AbstractContextManager[places.Server]:
    command = [sys.executable, "-m", "tests.bench.plain_strawberry"]
    return places.yardstick(command, orjson.dumps(orjson.loads(answer)["data"]))


def overviews(token: str) -> Iterator[bytes]:
    """Requests for the overviews of the first licenses, without end; no two are the same."""
    for number in count():
        yield http_post("/graphql", token, _body(number % LICENSES, {"n": number}))


def _body(license: int, extensions: dict[str, int] | None = None) -> bytes:
    asked = {"query": _OVERVIEW, "variables": {"license": license_key(license)}}
    return orjson.dumps(asked | {"extensions": extensions} if extensions else asked)


def fill(url: str, count: int) -> None:
    """So many licenses with usage on every meter, refreshed."""
    with open_runtime(load_settings(database_url=url)) as runtime:
        make_licenses(runtime.database, count)
        now = datetime.now(UTC)
        for license in range(count):
            Engine(runtime).send(*everything(runtime.registry, license_key(license), now, 5), now=now)
        make_due(runtime.database, now)
        refresh_all_due(runtime)


def _answer(server: places.Server, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = httpx2.post(f"{server.address}/graphql", content=_body(0), headers=headers)
    if answer.status_code != 200 or b'"errors"' in answer.content or b'"UNKNOWN"' in answer.content:
        raise RuntimeError(f"not the overview that is to be measured: {answer.text}")
    return answer.content
