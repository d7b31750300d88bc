"""A child process that runs partners' meters or notifiers, as the application sees it.

pebble and loky were weighed: both exchange pickles with their processes, and unpickling an answer would run code of the
plugin in this process.
"""

import math
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import IO, Final, cast

from allowance import Message, Reading, Usage

from core.plugins.sandbox.failure import CRASHED, INVALID_READING, TIMED_OUT
from core.plugins.sandbox.guard import close_to_children
from core.plugins.sandbox.meter_codec import decode_reading
from core.plugins.sandbox.output import PluginOutput
from core.plugins.sandbox.protocol import (
    MAX_ANSWER_BYTES,
    Answer,
    ChildFailure,
    LoadUsage,
    Measure,
    Notify,
    Request,
    decode_answer,
    encode_request,
)
from core.plugins.source import PluginSource

START_TIMEOUT: Final = 60.0
"""The longest deadline in seconds for the import of a plugin, and that for loading the first usage."""

IMPORT_TIMEOUT: Final = timedelta(seconds=10)
"""The default of the setting `plugin_import_seconds`."""

_ALWAYS_PASSED: Final = frozenset(("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"))
_NETWORK: Final = frozenset(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
)
"""The variables that configure network clients, in upper or lower case."""


class ProcessLost(Exception):
    """An error after which a child process cannot be used any more: it ended, hangs, or answers nonsense.

    Attributes:
        code: The code of the failure of the request that was under way.
        detail: The reason, for the log.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Create the error from the code and the reason."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


class CannotStartProcess(Exception):
    """An error that states why no child process can be started."""


class ChildProcess:
    """A child process in a session of its own, which carries out one request at a time. Its creator must end it.

    Every request raises :class:`ProcessLost` if the process ended, exceeded its deadline or answered nonsense.

    Attributes:
        fresh: Whether the process has not run any meter or notifier yet.
    """

    def __init__(
        self,
        source: PluginSource,
        purpose: str,
        timeout: timedelta = timedelta(0),
        memory: int = 0,
        *,
        import_timeout: timedelta = IMPORT_TIMEOUT,
        environment: Collection[str] | None = None,
    ) -> None:
        """Start the process.

        The environment of this process holds secrets, so the child gets only the variables that any program needs.

        Args:
            source: The plugin that the process imports.
            purpose: A purpose of :mod:`core.plugins.sandbox.protocol`.
            timeout: The longest time for a request.
            memory: The memory in bytes that requests may take in addition to the imported plugin.
            import_timeout: The longest time for the import of the plugin.
            environment: The names of further environment variables that the child gets. With a collection, also an
                empty one, it gets the variables that configure the network as well; with None it does not.

        Raises:
            OSError: If the process cannot be started.
        """
        self.fresh = True
        self._timeout = timeout.total_seconds()
        self._import_timeout = import_timeout.total_seconds()
        self._requests_sent = 0
        self._killing = threading.Lock()
        close_to_children()
        alarms = (str(math.ceil(seconds) + 2) for seconds in (self._import_timeout, self._timeout))
        child = [sys.executable, "-P", "-m", "core.plugins.sandbox.child", purpose, source.name, source.module]
        self._process = subprocess.Popen(  # noqa: S603 - no argument comes from a user
            [*child, *alarms, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=_child_environment(environment),
            start_new_session=True,
        )
        self._requests, self._answers = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        self._output = PluginOutput(source, cast("IO[bytes]", self._process.stderr))
        os.set_blocking(self._requests.fileno(), False)
        os.set_blocking(self._answers.fileno(), False)

    def wait_until_ready(self) -> None:
        """Wait until the process has imported the plugin.

        Raises:
            ProcessLost: If it cannot.
        """
        failure = self.declarations().failure
        if failure:
            raise ProcessLost(failure.code, failure.detail)

    def declarations(self) -> Answer:
        """Return the first answer: the declarations of the plugin if they are the purpose, or why there are none.

        Raises:
            ProcessLost: If the import takes too long, or ends the process.
        """
        try:
            return self._receive(monotonic() + self._import_timeout, self._import_timeout)
        finally:
            self._output.log()

    def load(self, usage: Usage) -> ChildFailure | None:
        """Load the usage that the next measurements read.

        Returns:
            The failure, or None if the usage is loaded.
        """
        return self._request(LoadUsage(usage), START_TIMEOUT if self.fresh else self._timeout).failure

    def measure(self, request: Measure) -> Reading | ChildFailure:
        """Measure a view of the loaded usage.

        Returns:
            The reading, or the failure; also if the answer does not have the form of a reading.
        """
        self.fresh = False
        answer = self._request(request, self._timeout)
        if answer.failure:
            return answer.failure
        try:
            return decode_reading(answer.reading)
        except (TypeError, ValueError, KeyError, ArithmeticError) as error:
            return ChildFailure(INVALID_READING, f"{type(error).__name__}: {error}")

    def notify(self, notifier: str, message: Message) -> ChildFailure | None:
        """Send a message through a notifier.

        Returns:
            The failure, or None if the notifier has sent the message.
        """
        self.fresh = False
        return self._request(Notify(notifier, message), self._timeout).failure

    def kill(self) -> None:
        """Kill the process and all processes of its session. May be called from any thread, and repeatedly."""
        with self._killing:
            if self._process.returncode is None:
                # Nobody has waited for the process yet, so its id cannot belong to another one, even if it has ended.
                with suppress(PermissionError):  # raised on macOS if the process has ended
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def end(self) -> None:
        """Kill the process and close its pipes. No request may be under way."""
        self.kill()
        self._requests.close()
        self._answers.close()
        self._output.close()

    def _request(self, request: Request, seconds: float) -> Answer:
        deadline = monotonic() + seconds
        self._requests_sent += 1
        try:
            self._send(encode_request(request), deadline, seconds)
            answer = self._receive(deadline, seconds)
        finally:
            self._output.log()
        if answer.number != self._requests_sent:
            raise ProcessLost(CRASHED, "the child's answers are out of step")
        return answer

    def _send(self, line: bytes, deadline: float, seconds: float) -> None:
        rest = memoryview(line)
        while rest:
            self._wait(self._requests.fileno(), select.POLLOUT, deadline, seconds)
            try:
                rest = rest[os.write(self._requests.fileno(), rest) :]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                raise self._ended() from None

    def _receive(self, deadline: float, seconds: float) -> Answer:
        line = bytearray()
        while not line.endswith(b"\n"):
            self._wait(self._answers.fileno(), select.POLLIN, deadline, seconds)
            part = os.read(self._answers.fileno(), 2**16)
            if not part:
                raise self._ended()
            line += part
            if len(line) > MAX_ANSWER_BYTES:
                raise ProcessLost(INVALID_READING, f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        try:
            return decode_answer(line)
        except ValueError as error:
            raise ProcessLost(CRASHED, str(error)) from None

    def _wait(self, descriptor: int, event: int, deadline: float, seconds: float) -> None:
        """Wait until a descriptor is ready, and collect meanwhile what the plugin prints."""
        while True:
            poll = select.poll()
            poll.register(descriptor, event)
            if not self._output.has_ended:
                poll.register(self._output.descriptor, select.POLLIN)
            ready = {found for found, _ in poll.poll(max(deadline - monotonic(), 0) * 1000)}
            if self._output.descriptor in ready:
                self._output.collect()
            if descriptor in ready:
                return
            if monotonic() >= deadline:
                raise ProcessLost(TIMED_OUT, f"no answer within {seconds:g} seconds")

    def _ended(self) -> ProcessLost:
        self.kill()
        return ProcessLost(CRASHED, f"the child process ended with {self._process.returncode}")


def _child_environment(names: Collection[str] | None) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _ALWAYS_PASSED
        or name.startswith("PYTHON")
        or (names is not None and (name in names or name.upper() in _NETWORK))
    }
    # The child must find the same plugins as this process. The option -P keeps the working directory off its path.
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    return environment
