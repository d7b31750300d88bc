"""What is put while a batch is under way goes into the next, and nothing that was put is lost at the end."""

import threading
from collections.abc import Sequence

from sqlalchemy import Connection

from core.admission.batch_queue import BatchQueue
from core.database.engine import Database


def test_at_its_end_it_handles_what_waits_and_waits_for_no_pause(database: Database) -> None:
    handled: list[list[int]] = []
    first = threading.Event()

    def handle(_: Connection, batch: Sequence[int]) -> None:
        handled.append([*batch])
        first.set()

    def fail(_: Sequence[int], error: Exception) -> None:
        raise error

    batches = BatchQueue("test", database, handle, fail, pause=3600)
    assert batches.put([1])
    assert first.wait(30)
    assert batches.put([2, 3])
    batches.close()
    assert handled == [[1], [2, 3]]
    assert not batches.put([4])
