"""The processor seconds of refreshes and of ingestion in this process, to compare two checkouts on a busy machine.

``PYTHONPATH=CHECKOUT:CHECKOUT/plugins/src python tests/bench/processor_time.py`` measures the code of a checkout. Run
it for both in turn, several times.
"""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final

import typer

from core.runtime import Runtime, open_runtime
from core.settings import load_settings
from core.usage.ingest import ingest
from core.workers.refresh_due import refresh_all_due
from tests.bench import places
from tests.bench.licenses import license_key, make_licenses
from tests.bench.refresh import make_due
from tests.bench.usage import make_usage, more_usage
from tests.conftest import migrate
from tests.fixtures.engine import OPERATOR

LICENSES: Final = 200
ROUNDS: Final = 4
"""The first of them warms up, and is not shown."""
BATCHES: Final = 20
EVENTS: Final = 500


def refresh(runtime: Runtime, _: int) -> Callable[[], object]:
    """Let all licenses be due with new usage; return their refresh."""
    more_usage(runtime.database, runtime.registry)
    make_due(runtime.database, datetime.now(UTC))
    return lambda: refresh_all_due(runtime)


def send(runtime: Runtime, number: int) -> Callable[[], object]:
    """Return the ingestion of batches of events, which nobody sent before."""

    def work() -> None:
        now = datetime.now(UTC)
        for batch in range(BATCHES):
            raws = [
                {
                    "specversion": "1.0", "id": f"{number}-{batch}-{each}", "source": "/bench", "type": "sms.sent",
                    "license": license_key(each % LICENSES), "time": now.isoformat(), "quantity": 1,
                }
                for each in range(EVENTS)
            ]  # fmt: skip
            submitted = ingest(
                OPERATOR, raws, now, registry=runtime.registry, settings=runtime.settings, committer=runtime.committer
            )
            assert submitted.wait().accepted == EVENTS

    return work


def show(name: str, runtime: Runtime, prepare: Callable[[Runtime, int], Callable[[], object]]) -> None:
    for number in range(ROUNDS):
        work = prepare(runtime, number)
        began = process_time()
        work()
        if number:
            typer.echo(f"{name}: {process_time() - began:.3f} s")


def main() -> None:
    with ExitStack() as stack:
        url = stack.enter_context(places.postgresql())
        runtime = stack.enter_context(open_runtime(load_settings(database_url=url, refresh_after_seconds=0)))
        make_licenses(runtime.database, LICENSES)
        make_usage(runtime.database, runtime.registry, 100)
        show("refresh, PostgreSQL", runtime, refresh)
        show("ingestion, PostgreSQL", runtime, send)
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'bench.db')}"
        migrate(url)
        with open_runtime(load_settings(database_url=url, refresh_after_seconds=0)) as runtime:
            make_licenses(runtime.database, LICENSES)
            show("ingestion, SQLite", runtime, send)


if __name__ == "__main__":
    main()
