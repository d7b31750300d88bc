"""The events of a JSON list, or of JSON objects of several lines, as lines of their own."""

from collections.abc import Iterator

from core.usage.exact_json import NotJson
from core.usage.files.lines import BOM, Lines
from core.usage.files.rows import BadFile
from core.usage.json_values import JsonValues


class JsonList:
    """The values of a file, numbered from 1, in bounded memory. It is read in the place of :class:`Lines`."""

    def __init__(self, lines: Lines) -> None:
        """Read the file of these lines, of which none was read yet."""
        self._lines = lines
        self.read = 0
        """The number of the last value read."""
        self.progress = lines.progress

    def __iter__(self) -> Iterator[bytes]:
        """Yield each value. A value that is too long is cut off after its limit.

        Raises:
            BadFile: The file is damaged, or does not go on as a list.
        """
        values = JsonValues()
        first = True
        try:
            for part in self._lines.parts():
                for value in values.feed(part.removeprefix(BOM) if first else part):
                    self.read += 1
                    yield value
                first = False
            values.end()
        except NotJson as problem:
            raise BadFile(
                f"The JSON cannot be read after event {self.read:,}: {problem}. The events before are recorded."
            ) from None
