"""The output of a plugin: logged under the plugin's name, and cut off."""

import logging
import os
from time import monotonic
from typing import IO, Final

from core.plugins.source import PluginSource

_MOST_BYTES: Final = 8 * 2**10
"""The most bytes of a process's output that are logged in a minute."""
_MINUTE: Final = 60.0

logger = logging.getLogger(__name__)


class PluginOutput:
    """The output of a child process. Everything is read, so that the process never waits for a full pipe.

    Attributes:
        descriptor: The descriptor of the pipe.
        has_ended: Whether nobody can write to the pipe any more.
    """

    def __init__(self, source: PluginSource, pipe: IO[bytes]) -> None:
        """Take over the pipe of a process of a plugin."""
        self.has_ended = False
        self.descriptor: Final = pipe.fileno()
        self._source = source
        self._pipe = pipe
        self._kept = bytearray()
        self._left_out = 0
        self._room = _MOST_BYTES
        self._began = monotonic()
        os.set_blocking(self.descriptor, False)

    def collect(self) -> None:
        """Read what was printed until now."""
        if self.has_ended:
            return
        try:
            part = os.read(self.descriptor, 2**20)
        except BlockingIOError:
            return
        self.has_ended = not part
        kept = part[: max(self._room - len(self._kept), 0)]
        self._kept += kept
        self._left_out += len(part) - len(kept)

    def log(self) -> None:
        """Log what was collected, under the name of the plugin; in a minute no more than some lines."""
        self.collect()
        now = monotonic()
        if now - self._began >= _MINUTE:
            self._began, self._room = now, _MOST_BYTES
        if not self._kept:
            return
        left_out, self._left_out = self._left_out, 0
        text, self._kept = self._kept.decode(errors="replace").rstrip("\n"), bytearray()
        self._room -= len(text)
        if self._room <= 0 or left_out:
            text += f"\n[{left_out} bytes more are left out, and what follows within a minute]"
            self._room = 0
        logger.warning("The plugin %s printed: %s", self._source.name, text)

    def close(self) -> None:
        """Log the rest, and close the pipe. The process has ended."""
        self.log()
        self.has_ended = True
        self._pipe.close()
