"""Newline-delimited JSON: a CloudEvent 1.0 on each line."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import orjson

from core.usage.events import check_cloudevents
from core.usage.files.lines import LONGEST_LINE, TOO_LONG, Lines
from core.usage.files.rows import Row, RowProblem

_REJECTED: Final = {"line", "code", "message", "event"}
_SHOWN: Final = 200


class NdjsonFile:
    """Lines of JSON. A line of a file of rejected ones is taken by the event in it."""

    check = staticmethod(check_cloudevents)
    rejected_suffix: ClassVar[str] = ".ndjson"

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @property
    def read(self) -> int:
        return self._lines.read

    def progress(self) -> tuple[int, int]:
        return self._lines.progress()

    def rows(self, after: int) -> Iterator[Row]:
        for number, line in enumerate(self._lines, 1):
            if number <= after:
                continue
            if len(line) > LONGEST_LINE:
                yield Row(number, RowProblem("TOO_LARGE", TOO_LONG), line[:_SHOWN], len(line))
            elif content := line.rstrip():
                yield _row(number, content)

    def rejected_head(self) -> bytes:
        return b""

    def rejected(self, row: Row, problem: RowProblem) -> bytes:
        """The number, the code, the message and the event: as it is, or as a text where it is not JSON."""
        return orjson.dumps(
            {"line": row.number, "code": problem.code, "message": problem.message, "event": _event(row.original)},
            option=orjson.OPT_APPEND_NEWLINE,
        )


def _row(number: int, content: bytes) -> Row:
    try:
        message = orjson.loads(content)
        if isinstance(message, dict) and message.keys() == _REJECTED:
            inner = message["event"]
            content = inner.encode() if isinstance(inner, str) else orjson.dumps(inner)
            message = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        problem = RowProblem("BAD_JSON", f"The line is not JSON: {error.msg}, at column {error.colno}.")
        return Row(number, problem, content, len(content))
    return Row(number, message, content, len(content))


def _event(content: bytes) -> Any:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="backslashreplace")
    return orjson.Fragment(content)
