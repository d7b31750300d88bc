"""The program of a child process: ``python -m core.plugins.sandbox.child SECONDS BYTES``.

It loads the plugins, then answers requests until its standard input ends.

SECONDS is the longest time for a request if the parent is gone and cannot stop the child. BYTES is the memory that
requests may take in addition to the memory that the plugins took when they were loaded.
"""

import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from decimal import localcontext
from functools import partial
from pathlib import Path

from allowance import GiveUp, Meter, Notifier, Usage

from core.plugins.host import load_plugins
from core.plugins.sandbox.failure import FAILED, INVALID_READING, OUT_OF_MEMORY, UNAVAILABLE
from core.plugins.sandbox.protocol import (
    GAVE_UP,
    READY,
    LoadUsage,
    Measure,
    Notify,
    decode_request,
    encode_done,
    encode_failure,
    encode_measured,
)


def main() -> None:
    """Answer requests until the parent closes the pipe."""
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    requests, answers = _take_pipes()
    registry = load_plugins()
    handler = RequestHandler(registry.meters, registry.notifiers, seconds)
    _limit_memory(memory)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with suppress(BrokenPipeError):  # the parent ended while a plugin was running
        _serve(handler, requests, answers)
    # The parent is gone: end also the processes that plugins started and left running.
    os.killpg(os.getpgrp(), signal.SIGKILL)


class RequestHandler:
    """The handler of requests. It keeps the usage that was loaded last for the measurements that follow."""

    _usage: Usage

    def __init__(self, meters: Mapping[str, Meter], notifiers: Mapping[str, Notifier], seconds: int) -> None:
        """Create a handler for the plugins' meters and notifiers.

        Args:
            meters: The meters by key.
            notifiers: The notifiers by key.
            seconds: The time after which an alarm ends the process while it runs a plugin's code.
        """
        self._meters = meters
        self._notifiers = notifiers
        self._seconds = seconds

    def answer(self, number: int, line: bytes) -> bytes:
        """Carry out a request and return the line of its answer. No error of a plugin is raised.

        The alarm is still set on return, because the plugin's code can run until the answer is complete: for example
        in the text of its error.
        """
        code = FAILED
        try:
            match decode_request(line):
                case LoadUsage(usage):
                    self._usage = usage
                case Notify(key, message):
                    signal.alarm(self._seconds)
                    self._notifiers[key].notify(message)
                case Measure() as request:
                    signal.alarm(self._seconds)
                    if request.meter not in self._meters:
                        code = UNAVAILABLE
                    meter = self._meters[request.meter]
                    view = request.view_of(self._usage)
                    with localcontext():
                        reading = meter.measure(view, request.license, request.contract)
                    code = INVALID_READING
                    return encode_measured(number, reading)
            return encode_done(number)
        except GiveUp as error:
            return encode_failure(number, GAVE_UP, str(error)[:2000])
        except MemoryError:
            return encode_failure(number, OUT_OF_MEMORY, "out of memory")
        except BaseException:  # also SystemExit and KeyboardInterrupt, which must not end the process
            return encode_failure(number, code, traceback.format_exc(limit=-10)[-4000:])


def _serve(handler: RequestHandler, requests: int, answers: int) -> None:
    pid = os.getpid()
    os.write(answers, READY)
    with open(requests, "rb", closefd=False) as lines:
        for number, line in enumerate(lines, 1):
            answer = handler.answer(number, line)
            signal.alarm(0)
            if os.getpid() != pid:  # a fork that a meter made and that returned to here as well
                os._exit(0)
            rest = memoryview(answer)
            while rest:
                rest = rest[os.write(answers, rest) :]


def _take_pipes() -> tuple[int, int]:
    """Move the pipes away from standard input and output, which plugins may use, and close them in forks.

    Returns:
        The file descriptors of the requests and of the answers.
    """
    pipes = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for pipe in pipes:
        os.register_at_fork(after_in_child=partial(os.close, pipe))
    return pipes


def _limit_memory(more: int) -> None:
    """Limit the memory of this process to `more` bytes above what it holds now. Only Linux enforces such a limit."""
    if sys.platform == "linux":
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (held + more, held + more))


if __name__ == "__main__":
    main()
