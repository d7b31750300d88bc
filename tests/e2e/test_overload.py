"""Far more comes in than a server can take: it refuses, serves who reads, keeps what it acknowledged, and is done."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.soak.flood import Flood
from tests.soak.overload import overload
from tests.soak.places import Place, on_postgresql, on_sqlite

KINDS = (Flood(connections=50, events=10_000), Flood(connections=50, events=1000), Flood(connections=200, events=1))
PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "sqlite": on_sqlite,
    "postgresql": partial(on_postgresql, servers=1),
}


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("own-postgres"))])
def test_a_server_that_is_sent_too_much_refuses_and_goes_on(database: str, home: Path) -> None:
    with PLACES[database](home) as place:
        report = overload(place, 5, KINDS)
    assert report.wrong == [], report
    batches = report.answers[0].statuses + report.answers[1].statuses
    assert batches.keys() <= {200, 429, 503}
    assert batches[200] > 0
    assert batches[429] + batches[503] > 0
    assert len(report.reads.waited) > 1
    assert max(report.memory) < report.memory[0] + 250
