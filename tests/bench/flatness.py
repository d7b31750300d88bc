"""What reading costs when there is a hundred times the usage."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Final

from core.access.keys import Scope
from core.runtime import open_runtime
from core.settings import load_settings
from tests.bench import places
from tests.bench.clients import Clients, clients
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
from tests.bench.licenses import make_licenses
from tests.bench.read_overview import overviews
from tests.bench.refresh import Refresh, rollup_rows
from tests.bench.usage import make_usage

LESS: Final = "with 1 × the events"
MORE: Final = "with 100 × the events"
REFRESH: Final = "refresh of all licenses"
OVERVIEW: Final = "an overview over HTTP"


def run(scale: Scale) -> Iterator[Found]:
    """Refresh and overview with 100 × the events behind the same licenses."""
    rounds, licenses, events, asked = scale.of((3, 50, 100, 100), (5, 100, 100, 200), (9, 100, 1_000, 1_000))
    measures = {}
    remarks = []
    with ExitStack() as stack:
        readers = stack.enter_context(clients(1))
        for name, each in ((LESS, events), (MORE, events * 100)):
            url = stack.enter_context(places.postgresql())
            database = stack.enter_context(places.opened(url))
            runtime = stack.enter_context(open_runtime(load_settings(database_url=url)))
            make_licenses(database, licenses)
            make_usage(database, runtime.registry, each, ledger=True)
            server = stack.enter_context(places.server(url, graphql_operations_per_second=10**9))
            token = places.new_token(database, Scope.CONSUMPTION_READ)
            measures[f"{REFRESH}, {name}"] = Refresh(runtime).take
            measures[f"{OVERVIEW}, {name}"] = partial(_read, readers, server, token, asked)
            remarks.append(f"{licenses * each:,} events in {rollup_rows(database):,} rows of rollups")
        taken = interleaved(rounds, measures)
        for what in (REFRESH, OVERVIEW):
            yield compare(taken, f"{what}, {MORE}", f"{what}, {LESS}", "s", "≤ 1.1")
        yield Remark(f"{licenses} licenses; {', and '.join(remarks)}; all events in the ledger.")


def _read(reader: Clients, server: places.Server, token: str, asked: int) -> float:
    """Seconds for one overview."""
    answers = reader.send([server.address], [partial(_some, token, asked)], connections=1)
    answers.require_all()
    return (answers.ended - answers.began) / asked


def _some(token: str, asked: int) -> list[bytes]:
    return list(islice(overviews(token), asked))
