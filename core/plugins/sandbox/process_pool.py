"""The pool of the child processes of a plugin."""

import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from core.plugins.sandbox.process import IMPORT_TIMEOUT, CannotStartProcess, ChildProcess, ProcessLost
from core.plugins.sandbox.protocol import MEASURE, NOTIFY
from core.plugins.source import PluginSource

_MAX_IDLE: Final = 2
"""The number of idle processes that the pool keeps. Further processes served a peak, and are ended after it."""


class ProcessPool:
    """The child processes of one plugin. Thread-safe. A process that was acquired serves only its caller."""

    def __init__(
        self,
        source: PluginSource,
        timeout: timedelta,
        memory: int,
        *,
        import_timeout: timedelta = IMPORT_TIMEOUT,
        max_idle: int = _MAX_IDLE,
        environment: Collection[str] | None = None,
    ) -> None:
        """Create an empty pool.

        Args:
            source: The plugin that the processes import.
            timeout: The longest time for a request to a process.
            memory: The memory in bytes that requests may take in addition to the imported plugin.
            import_timeout: The longest time for the import of the plugin.
            max_idle: The number of idle processes that the pool keeps.
            environment: The environment of processes that run notifiers; None for processes that measure. See
                :class:`core.plugins.sandbox.process.ChildProcess`.
        """
        self.source = source
        self.timeout = timeout
        self._import_timeout = import_timeout
        self._max_idle = max_idle
        self._environment = environment
        self._memory = memory
        self._lock = threading.Lock()
        self._alive: set[ChildProcess] = set()
        self._idle: list[ChildProcess] = []
        self._closed = False

    def acquire(self) -> ChildProcess:
        """Return an idle process, or start one.

        Raises:
            CannotStartProcess: If no process is idle and none can be started.
        """
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self.start()

    def start(self) -> ChildProcess:
        """Start a process and wait until it has imported the plugin.

        Raises:
            CannotStartProcess: If that fails, or the pool is closed.
        """
        with self._lock:
            if self._closed:
                raise CannotStartProcess("the pool is closed")
            try:
                process = ChildProcess(
                    self.source,
                    MEASURE if self._environment is None else NOTIFY,
                    self.timeout,
                    self._memory,
                    import_timeout=self._import_timeout,
                    environment=self._environment,
                )
            except OSError as error:
                raise CannotStartProcess(str(error)) from error
            self._alive.add(process)
        try:
            process.wait_until_ready()
        except ProcessLost as lost:
            self.discard(process)
            raise CannotStartProcess(lost.detail) from lost
        return process

    def release(self, process: ChildProcess) -> None:
        """Take back a process that can serve further requests."""
        with self._lock:
            keep = not self._closed and len(self._idle) < self._max_idle
            if keep:
                self._idle.append(process)
        if not keep:
            self.discard(process)

    def discard(self, process: ChildProcess) -> None:
        """End a process that was acquired and must not serve further requests."""
        process.end()
        with self._lock:
            self._alive.discard(process)

    def close(self) -> None:
        """End all processes. A request that is under way raises ProcessLost."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = self._alive.difference(idle)
        for process in idle:
            self.discard(process)
        for process in busy:
            process.kill()
