"""The values in a long JSON text, split without reading them, so that a broken value costs no other."""

import re
from collections.abc import Iterator
from typing import Final

from core.usage.exact_json import NotJson

LONGEST_VALUE: Final = 2**20
"""Bytes of a value. Of a longer value a byte more is kept, which tells that it is too long."""

MOST_MARKS: Final = 1_000_000
"""Quotes, brackets and commas of a request that is split. The largest request of events has about 700,000."""

_OUTSIDE: Final = re.compile(rb'["\[\]{},]')
_IN_TEXT: Final = re.compile(rb'["\\]')
_OPENING: Final = frozenset(b"[{")
_QUOTE, _COMMA, _LIST = b'",['


class JsonValues:
    """A splitter of JSON objects that follow each other, and of the elements of lists.

    Only quotes, brackets and commas are read, so that a value with any other fault is split off whole. Memory is
    bounded by the longest value. ijson was not taken: it stops at the first fault.
    """

    def __init__(self) -> None:
        """Begin before the first value."""
        self._depth = 0
        self._in_list = False
        self._in_text = False
        self._escaped = False
        self._empty = True
        self._value = bytearray()

    def feed(self, text: bytes) -> Iterator[bytes]:
        """Yield the values that end in the next part of the text.

        Raises:
            NotJson: Between the values is something else.
        """
        at = 0
        while True:
            if self._escaped and at < len(text):
                self._keep(text, at, at + 1)
                self._escaped = False
                at += 1
            found = (_IN_TEXT if self._in_text else _OUTSIDE).search(text, at)
            if found is None:
                self._keep(text, at, len(text))
                return
            self._keep(text, at, found.start())
            at = found.end()
            yield from self._take(text, found.start())

    def end(self) -> None:
        """Raise :class:`NotJson` if the text ends inside a value or a list."""
        if self._depth or self._value.strip():
            raise NotJson("it ends inside a value")

    def _take(self, text: bytes, at: int) -> Iterator[bytes]:
        """Take a quote, a backslash, a bracket or a comma. Yield the value that it ends, if any."""
        mark = text[at]
        if self._in_text:
            self._keep(text, at, at + 1)
            self._in_text = mark != _QUOTE
            self._escaped = mark != _QUOTE
        elif mark == _QUOTE:
            self._keep(text, at, at + 1)
            self._in_text = True
        elif mark in _OPENING:
            if self._depth == 0:
                self._begin(mark)
            if not (self._depth == 0 and self._in_list):
                self._keep(text, at, at + 1)
            self._depth += 1
        elif mark == _COMMA:
            if self._depth == 0 or not (self._depth == 1 and self._in_list):
                self._keep(text, at, at + 1)
            else:
                yield self._ended()
        else:
            yield from self._close(text, at)

    def _begin(self, mark: int) -> None:
        if self._value.strip():
            raise NotJson("a value is neither an object nor in a list")
        self._value.clear()
        self._in_list = mark == _LIST
        self._empty = True

    def _close(self, text: bytes, at: int) -> Iterator[bytes]:
        self._depth -= 1
        if self._depth < 0:
            raise NotJson("a bracket is closed that was not opened")
        if self._depth or not self._in_list:
            self._keep(text, at, at + 1)
            if self._depth == 0:
                yield self._ended()
        elif self._value.strip() or not self._empty:
            yield self._ended()

    def _ended(self) -> bytes:
        value = bytes(self._value).strip()
        self._value.clear()
        self._empty = False
        if not value:
            raise NotJson("a comma is not followed by a value")
        return value

    def _keep(self, text: bytes, start: int, end: int) -> None:
        self._value += text[start : min(end, start + LONGEST_VALUE + 1 - len(self._value))]


def split_json(text: bytes) -> list[bytes]:
    """Return the values of a text as :class:`JsonValues` splits them.

    Raises:
        NotJson: The text is no list and no object, ends too early, or has more than MOST_MARKS marks.
    """
    if sum(map(text.count, (b'"', b"[", b"]", b"{", b"}", b","))) > MOST_MARKS:
        raise NotJson("it is too long to search for the fault")
    values = JsonValues()
    split = list(values.feed(text))
    values.end()
    return split
