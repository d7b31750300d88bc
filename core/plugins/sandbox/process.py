"""One child process in which partners' meters are measured, or their notifiers run, seen from outside.

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
from typing import IO, Any, Final, cast

import orjson

from core.plugins.sandbox import meter_wire as wire
from core.plugins.sandbox.question import CRASHED, INVALID_READING, TIMED_OUT

_PATIENCE: Final = 60.0
"""Seconds for loading plugins, and usage where no meter was there before: long, since none has a part in it."""

_PASSED_ON: Final = frozenset(("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"))
_NETWORK: Final = frozenset(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
)
"""What clients go by, in either case."""


class Lost(Exception):
    """The child is gone or not to be trusted. `code` is what that means for the question it was on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class CannotStart(Exception):
    """No child can be had."""


class Child:
    """A process in a session of its own, which answers one request at a time. Whoever starts it ends it.

    A request raises :class:`Lost` where the child died, passed its deadline, or answered nonsense.
    """

    def __init__(self, timeout: timedelta, memory: int, *, reads: Collection[str] | None = None) -> None:
        """Of the environment of this process, where secrets stand, it gets what any program needs; with `reads`, which
        is for those that use the network, also what says how to, and the variables of these names."""
        self.fresh = True
        """Whether it has not been asked about any meter yet."""
        self._timeout = timeout.total_seconds()
        self._asked = 0
        self._ending = threading.Lock()
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON
            or name.startswith("PYTHON")
            or (reads is not None and (name in reads or name.upper() in _NETWORK))
        }
        # The child is to find what this process finds, the very same plugins; -P adds no working directory to it.
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        longest = str(math.ceil(self._timeout) + 2)
        self._process = subprocess.Popen(  # noqa: S603 - nothing in it is anybody's input
            [sys.executable, "-P", "-m", "core.plugins.sandbox.child", longest, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
            start_new_session=True,
        )
        self._requests, self._answers = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        os.set_blocking(self._requests.fileno(), False)
        os.set_blocking(self._answers.fileno(), False)

    def wait_until_ready(self) -> None:
        """Wait until it has loaded the plugins."""
        self._receive(monotonic() + _PATIENCE)

    def load(self, usage: dict[str, Any]) -> dict[str, Any]:
        """Send the usage that the next questions are about. The answer is empty, or holds ``failure``."""
        return self._ask({"usage": usage}, _PATIENCE if self.fresh else self._timeout)

    def measure(self, question: dict[str, Any]) -> dict[str, Any]:
        """Ask a meter. The answer holds ``reading``, or ``failure`` and ``detail``."""
        self.fresh = False
        return self._ask(question, self._timeout)

    def notify(self, notifier: str, message: dict[str, Any]) -> dict[str, Any]:
        """Give a notifier a message. The answer is empty, or holds ``failure`` and ``detail``."""
        self.fresh = False
        return self._ask({"notifier": notifier, "message": message}, self._timeout)

    def kill(self) -> None:
        """Kill it, and all that it started in its session. From any thread, also again."""
        with self._ending:
            if self._process.returncode is None:
                # Not waited for yet, so the number is still its own, also where it died by itself.
                with suppress(PermissionError):  # macOS, where it did
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def end(self) -> None:
        """Kill it and close its pipes. No request may be under way."""
        self.kill()
        self._requests.close()
        self._answers.close()

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        deadline = monotonic() + seconds
        self._asked += 1
        self._send(orjson.dumps(request) + b"\n", deadline)
        answer = self._receive(deadline)
        if answer.get("number") != self._asked:
            raise Lost(CRASHED, "the child's answers are out of step")
        return answer

    def _send(self, line: bytes, deadline: float) -> None:
        rest = memoryview(line)
        while rest:
            self._wait(self._requests.fileno(), select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._requests.fileno(), rest) :]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                raise self._died() from None

    def _receive(self, deadline: float) -> dict[str, Any]:
        line = bytearray()
        while not line.endswith(b"\n"):
            self._wait(self._answers.fileno(), select.POLLIN, deadline)
            part = os.read(self._answers.fileno(), 2**16)
            if not part:
                raise self._died()
            line += part
            if len(line) > wire.LONGEST_ANSWER:
                raise Lost(INVALID_READING, f"the answer is longer than {wire.LONGEST_ANSWER} bytes")
        try:
            answer = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Lost(CRASHED, f"the child's answer is not JSON: {error}") from None
        if not isinstance(answer, dict):
            raise Lost(CRASHED, "the child's answer is not an object")
        return answer

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(deadline - monotonic(), 0) * 1000):
            raise Lost(TIMED_OUT, f"no answer within {self._timeout:g} seconds")

    def _died(self) -> Lost:
        self.kill()
        return Lost(CRASHED, f"the child process ended with {self._process.returncode}")
