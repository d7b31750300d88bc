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

_BOM: Final = b"\xef\xbb\xbf"
_AT_ONCE: Final = 2**18


class Lines:
    """The lines of the first `size` bytes of a file; what is written behind them meanwhile is left alone."""

    def __init__(self, file: FileIO, size: int, *, compressed: bool) -> None:
        self._part = _Part(file, size)
        self._stream: BufferedReader | gzip.GzipFile = BufferedReader(self._part, _AT_ONCE)
        if compressed:
            self._stream = gzip.GzipFile(fileobj=self._stream, mode="rb")
        self.read = 0
        """The number of the last line that was read."""

    def progress(self) -> tuple[int, int]:
        return self._part.taken, self._part.size

    def __iter__(self) -> Iterator[bytes]:
        """Each line with its end; of one that is too long, no more than shows that it is."""
        try:
            while line := self._stream.readline(LONGEST_LINE + 1):
                rest = line
                while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                    rest = self._stream.readline(LONGEST_LINE + 1)
                self.read += 1
                yield line.removeprefix(_BOM) if self.read == 1 else line
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise BadFile(
                f"What is compressed cannot be read after line {self.read:,}: the file is damaged, or was not copied "
                "to its end. What was read before is recorded."
            ) from None


class _Part(RawIOBase):
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
