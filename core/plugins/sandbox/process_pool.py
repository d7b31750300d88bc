"""The pool of child processes."""

import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from core.plugins.sandbox.process import CannotStartProcess, ChildProcess, ProcessLost

_MAX_IDLE: Final = 4
"""The number of idle processes that the pool keeps. Further processes served a peak, and are ended after it."""


class ProcessPool:
    """The child processes of this process. Thread-safe. A process that was acquired serves only its caller."""

    def __init__(
        self, timeout: timedelta, memory: int, *, max_idle: int = _MAX_IDLE, environment: Collection[str] | None = None
    ) -> None:
        """Create an empty pool.

        Args:
            timeout: The longest time for a request to a process.
            memory: The memory in bytes that requests may take in addition to the loaded plugins.
            max_idle: The number of idle processes that the pool keeps.
            environment: See :class:`core.plugins.sandbox.process.ChildProcess`.
        """
        self._max_idle = max_idle
        self._environment = environment
        self._timeout = timeout
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
        """Start a process and wait until it has loaded the plugins.

        Raises:
            CannotStartProcess: If that fails, or the pool is closed.
        """
        with self._lock:
            if self._closed:
                raise CannotStartProcess("the pool is closed")
            try:
                process = ChildProcess(self._timeout, self._memory, environment=self._environment)
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
