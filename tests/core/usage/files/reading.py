"""A file as the import reads it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.usage.files.open_events import open_events
from core.usage.files.rows import EventFile, Row


@contextmanager
def opened(file: Path) -> Iterator[EventFile]:
    with file.open("rb", buffering=0) as raw:
        yield open_events(raw, file.name, file.stat().st_size)


def rows_of(file: Path, after: int = 0) -> list[Row]:
    with opened(file) as events:
        return list(events.rows(after))


def events_in(file: Path) -> Sequence[object]:
    return [row.event for row in rows_of(file)]
