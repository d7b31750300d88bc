"""The lines of a file, plain or compressed by gzip, in bounded memory."""

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader, FileIO, RawIOBase
from typing import Any, Final

from core.usage.files.rows import BadFile

LONGEST_LINE: Final = 2**20
TOO_LONG: Final = f"This is longer than {LONGEST_LINE // 2**20} MiB, which no event is."
GZIP: Final = b"\x1f\x8b"
"""The first bytes of a file that is compressed by gzip."""

BOM: Final = b"\xef\xbb\xbf"
"""The bytes that some programs write before a text in UTF-8."""
_BUFFER: Final = 2**18
_PEEKED: Final = 4096


class Lines:
    """The lines of the first `size` bytes of a file. Bytes that are appended meanwhile are not read."""

    def __init__(self, file: FileIO, size: int, *, compressed: bool) -> None:
        """Begin at the present position of the file."""
        self._head = _FileHead(file, size)
        self._stream: BufferedReader | gzip.GzipFile = BufferedReader(self._head, _BUFFER)
        if compressed:
            self._stream = gzip.GzipFile(fileobj=self._stream, mode="rb")
        self.read = 0
        """The number of the last line read, from 1."""

    def progress(self) -> tuple[int, int]:
        """Return the number of bytes read, and of all bytes."""
        return self._head.taken, self._head.size

    def peek(self) -> bytes:
        """Return some of the first bytes, which stay to be read. Empty if the file is empty or damaged."""
        try:
            return self._stream.peek(_PEEKED)[:_PEEKED]
        except (EOFError, OSError, zlib.error):
            return b""

    def parts(self) -> Iterator[bytes]:
        """Yield the file in parts, not in lines."""
        try:
            while part := self._stream.read1(_BUFFER):
                yield part
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise _damaged("") from None

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line with its line end. A line that is too long is cut off after its limit."""
        try:
            while line := self._stream.readline(LONGEST_LINE + 1):
                rest = line
                while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                    rest = self._stream.readline(LONGEST_LINE + 1)
                self.read += 1
                yield line.removeprefix(BOM) if self.read == 1 else line
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise _damaged(f" after line {self.read:,}") from None


def _damaged(place: str) -> BadFile:
    return BadFile(
        f"The compressed file cannot be read{place}: it is damaged, or was not copied to its end. The lines before are "
        "recorded."
    )


class _FileHead(RawIOBase):
    """The first bytes of a file."""

    def __init__(self, file: FileIO, size: int) -> None:
        self._file = file
        self.size = size
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self._file.readinto(memoryview(buffer)[: self.size - self.taken])
        self.taken += count
        return count
