"""The program of a child process: ``python -m core.plugins.sandbox.child PURPOSE NAME MODULE IMPORT SECONDS BYTES``.

It imports the module of one plugin, and states that or why it cannot. Then it answers requests until its standard input
ends. With the PURPOSE ``declare`` it states what the plugin declares, and ends.

NAME and MODULE are the plugin's entry point. IMPORT is the longest time in seconds for the import, and SECONDS for a
request, if the parent is gone and cannot stop the child. BYTES is the memory that requests may take in addition to the
memory that the plugin took when it was imported.
"""

import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import localcontext
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

from allowance import ENTRY_POINT_GROUP, GiveUp, Meter, Notifier, Usage
from allowance.contribution import HOOK_FAILED, INVALID_CONTRIBUTION, Contribution, check_plugin
from allowance.errors import InvalidPlugin
from allowance.meter import look_ahead

from core.plugins.sandbox.failure import FAILED, INVALID_READING, OUT_OF_MEMORY, UNAVAILABLE
from core.plugins.sandbox.guard import Guard, drop_capabilities
from core.plugins.sandbox.protocol import (
    DECLARE,
    GAVE_UP,
    IMPORT_FAILED,
    MEASURE,
    READY,
    LoadUsage,
    Measure,
    Notify,
    decode_request,
    encode_declared,
    encode_done,
    encode_failure,
    encode_measured,
    encode_refused,
)
from core.plugins.source import PluginSource


def main() -> None:
    """Import the plugin, and answer requests until the parent closes the pipe."""
    purpose, name, module, import_seconds, seconds, memory = sys.argv[1:]
    requests, answers = _take_pipes()
    drop_capabilities()
    guard = Guard()
    signal.alarm(int(import_seconds))
    contribution, first = _load(PluginSource(name, module), declare=purpose == DECLARE)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(0)
    with suppress(BrokenPipeError):  # the parent ended while the plugin was running
        _write(answers, first)
        if contribution is not None and purpose != DECLARE:
            meters = {meter.key: meter for meter in contribution.meters}
            notifiers = {notifier.key: notifier for notifier in contribution.notifiers}
            handler = RequestHandler(meters, notifiers, int(seconds))
            _limit_memory(int(memory))
            guard.switch(on=purpose == MEASURE)
            _serve(handler, requests, answers)
    guard.switch(on=False)
    # The parent is gone or knows enough: end also the processes that the plugin started and left running.
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _load(source: PluginSource, *, declare: bool) -> tuple[Contribution | None, bytes]:
    """Import a plugin and call its hooks.

    Returns:
        What the plugin contributes, or None if it cannot be loaded, and the line that states so.
    """
    pid = os.getpid()
    code = IMPORT_FAILED
    try:
        module = EntryPoint(source.name, source.module, ENTRY_POINT_GROUP).load()
        code = HOOK_FAILED
        contribution = check_plugin(module)
        code = INVALID_CONTRIBUTION
        return contribution, encode_declared(contribution) if declare else READY
    except InvalidPlugin as error:
        if code == IMPORT_FAILED:  # the module raised it, and the SDK found nothing yet
            return None, encode_refused(code, "", _traceback())
        return None, encode_refused(error.code, error.message, _traceback())
    except BaseException:  # also SystemExit and KeyboardInterrupt
        return None, encode_refused(code, "", _traceback())
    finally:
        if os.getpid() != pid:  # a fork that the plugin made and that returned to here as well
            os._exit(0)


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
                        ahead = look_ahead(meter, view, request.license, request.contract)
                    if ahead:
                        reading = replace(reading, ahead=ahead)
                    code = INVALID_READING
                    return encode_measured(number, reading)
            return encode_done(number)
        except GiveUp as error:
            return encode_failure(number, GAVE_UP, str(error)[:2000])
        except MemoryError:
            return encode_failure(number, OUT_OF_MEMORY, "out of memory")
        except BaseException:  # also SystemExit and KeyboardInterrupt, which must not end the process
            return encode_failure(number, code, _traceback())


def _serve(handler: RequestHandler, requests: int, answers: int) -> None:
    pid = os.getpid()
    with open(requests, "rb", closefd=False) as lines:
        for number, line in enumerate(lines, 1):
            answer = handler.answer(number, line)
            signal.alarm(0)
            if os.getpid() != pid:  # a fork that a meter made and that returned to here as well
                os._exit(0)
            _write(answers, answer)


def _write(answers: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(answers, rest) :]


def _traceback() -> str:
    return traceback.format_exc(limit=-10)[-4000:]


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
