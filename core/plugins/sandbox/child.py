"""What runs in a child process: ``python -m core.plugins.sandbox.child SECONDS BYTES``.

It loads the plugins, then answers requests, a line of JSON each, until its standard input ends. SECONDS: how
long a request may take where the parent is no longer there to stop it. BYTES: what measuring may take of
memory, on top of what the plugins took when they were loaded.
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
from typing import Any

import orjson
from allowance import GiveUp, Meter, Notifier, Usage

from core.plugins.host import load_plugins
from core.plugins.sandbox import meter_wire as wire
from core.plugins.sandbox.notifier_wire import GIVEN_UP, message_from
from core.plugins.sandbox.question import FAILED, INVALID_READING, OUT_OF_MEMORY, UNAVAILABLE


def main() -> None:
    """Answer until the parent closes the pipe."""
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    requests, answers = _take_pipes()
    registry = load_plugins()
    desk = RequestHandler(registry.meters, registry.notifiers)
    _limit_memory(memory)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with suppress(BrokenPipeError):  # where the parent went while a meter was asked
        _answer(desk, requests, answers, seconds)
    # The parent is gone: take along what meters left running.
    os.killpg(os.getpgrp(), signal.SIGKILL)


class RequestHandler:
    """Where requests are answered. It keeps the usage that was sent last: the next questions are about it."""

    _usage: Usage

    def __init__(self, meters: Mapping[str, Meter], notifiers: Mapping[str, Notifier]) -> None:
        self._meters = meters
        self._notifiers = notifiers

    def answer(self, number: int, request: Mapping[str, Any]) -> bytes:
        """A line that tells what a meter read, or that a notifier is done, or how they failed."""
        failure = FAILED
        try:
            if "usage" in request:
                self._usage = wire.usage_from(request["usage"])
                return orjson.dumps({"number": number})
            if "notifier" in request:
                self._notifiers[request["notifier"]].notify(message_from(request["message"]))
                return orjson.dumps({"number": number})
            if request["meter"] not in self._meters:
                failure = UNAVAILABLE
            meter = self._meters[request["meter"]]
            asked = wire.view_of(self._usage, request), wire.license_from(request), wire.contract_from(request)
            with localcontext():
                reading = meter.measure(*asked)
            failure = INVALID_READING
            answer = orjson.dumps({"number": number, "reading": wire.reading_to(reading)})
            if len(answer) >= wire.LONGEST_ANSWER:
                raise ValueError(f"the reading takes {len(answer)} bytes; {wire.LONGEST_ANSWER} are too many")
        except GiveUp as given_up:
            detail = str(given_up)[:2000].encode(errors="replace").decode()
            return orjson.dumps({"number": number, "failure": GIVEN_UP, "detail": detail})
        except MemoryError:
            return orjson.dumps({"number": number, "failure": OUT_OF_MEMORY, "detail": "out of memory"})
        except BaseException:  # SystemExit and its like end nothing here
            detail = traceback.format_exc(limit=-10)[-4000:].encode(errors="replace").decode()
            return orjson.dumps({"number": number, "failure": failure, "detail": detail})
        return answer


def _answer(desk: RequestHandler, requests: int, answers: int, seconds: int) -> None:
    pid = os.getpid()
    os.write(answers, b"{}\n")
    with open(requests, "rb", closefd=False) as lines:
        for number, line in enumerate(lines, 1):
            request = orjson.loads(line)
            signal.alarm(0 if "usage" in request else seconds)
            answer = desk.answer(number, request)
            signal.alarm(0)
            if os.getpid() != pid:  # a fork, which its meter let run on to here
                os._exit(0)
            rest = memoryview(answer + b"\n")
            while rest:
                rest = rest[os.write(answers, rest) :]


def _take_pipes() -> tuple[int, int]:
    """Move the pipes to where no print of a meter, and no process that it forks, can come between."""
    pipes = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for pipe in pipes:
        os.register_at_fork(after_in_child=partial(os.close, pipe))
    return pipes


def _limit_memory(more: int) -> None:
    """Let this process take so many bytes on top of what it holds now. Linux alone keeps such a limit."""
    if sys.platform == "linux":
        held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (held + more, held + more))


if __name__ == "__main__":
    main()
