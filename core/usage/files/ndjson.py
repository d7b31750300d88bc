"""Events in newline-delimited JSON: a CloudEvent 1.0 on each line."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import orjson

from core.usage.events import check_cloudevents
from core.usage.exact_json import write_json
from core.usage.files.json_list import JsonList
from core.usage.files.lines import LONGEST_LINE, TOO_LONG, Lines
from core.usage.files.rows import Row, RowProblem
from core.usage.unreadable import UnreadableEvent, read_event

_REJECTED: Final = {"line", "code", "message", "event"}
"""The fields of a line in a file of rejected rows."""
_SHOWN: Final = 200
"""Bytes of a line that is too long, in the file of rejected rows."""


class NdjsonFile:
    """Lines of JSON. Of a line from a file of rejected rows, the event in it is read."""

    check = staticmethod(check_cloudevents)
    rejected_suffix: ClassVar[str] = ".ndjson"

    def __init__(self, lines: Lines | JsonList) -> None:
        """Read the events of these lines."""
        self._lines = lines

    @property
    def read(self) -> int:
        """The number of the last line read."""
        return self._lines.read

    def progress(self) -> tuple[int, int]:
        """Return the number of bytes read, and of all bytes."""
        return self._lines.progress()

    def rows(self, after: int) -> Iterator[Row]:
        """Yield the rows after line `after`."""
        for number, line in enumerate(self._lines, 1):
            if number <= after:
                continue
            if len(line) > LONGEST_LINE:
                yield Row(number, RowProblem("TOO_LARGE", TOO_LONG), line[:_SHOWN], len(line))
            elif content := line.rstrip():
                yield _row(number, content)

    def rejected_head(self) -> bytes:
        """Return nothing: a file of rejected rows has no head."""
        return b""

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """Return number, code, message and event as a line of JSON. An event that is not JSON is a text."""
        return orjson.dumps(
            {"line": row.number, "code": problem.code, "message": problem.message, "event": _event(row.original)},
            option=orjson.OPT_APPEND_NEWLINE,
        )


def _row(number: int, content: bytes) -> Row:
    message = read_event(content)
    if isinstance(message, dict) and message.keys() == _REJECTED:
        message = message["event"]
        content = message.encode() if isinstance(message, str) else write_json(message)
        if isinstance(message, str):
            message = read_event(content)
    if isinstance(message, UnreadableEvent):
        message = RowProblem(message.code, message.message)
    return Row(number, message, content, len(content))


def _event(content: bytes) -> Any:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="backslashreplace")
    return orjson.Fragment(content)
