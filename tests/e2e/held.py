"""Processes that stop at a step of a delivery and stay there, so that a test can kill them at this very place."""

from enum import StrEnum
from pathlib import Path


class Step(StrEnum):
    """A delivery was TAKEN, and nobody is connected to yet; the other side ANSWERED; what became of it is about to
    be COMMITTED; that was DONE, and the process does not know yet."""

    TAKEN = "taken"
    ANSWERED = "answered"
    COMMITTED = "committed"
    DONE = "done"


# Python imports a module of this name at its start. No other way leads into the process: children import the plugins.
_MODULE = "sitecustomize.py"
_CODE = """
import asyncio
import socket
import threading
from pathlib import Path

from sqlalchemy.engine.default import DefaultDialect

import core.delivery.outbox.dispatch as dispatch

recording = threading.local()


def hold():
    if threading.current_thread().name.startswith("delivery"):
        Path({folder!r}, threading.current_thread().name).touch()
        threading.Event().wait()


def before(place, name):
    original = getattr(place, name)

    def held(*given, **named):
        hold()
        return original(*given, **named)

    setattr(place, name, held)


def around_commit(before):
    record, commit = dispatch.record_outcome, DefaultDialect.do_commit

    def noted(*given):
        recording.now = True
        record(*given)

    def held(*given):
        if before and getattr(recording, "now", False):
            hold()
        commit(*given)
        if getattr(recording, "now", False):
            hold()

    dispatch.record_outcome, DefaultDialect.do_commit = noted, held


match {step!r}:
    case "taken":
        before(socket, "create_connection")
        before(asyncio.BaseEventLoop, "create_connection")
    case "answered":
        before(dispatch, "record_outcome")
    case "committed":
        around_commit(before=True)
    case "done":
        around_commit(before=False)
"""

_ONLY_IN_COMMANDS = """
import sys
from pathlib import Path

if any(Path(given).name == "allowance" for given in sys.orig_argv):
    import hold
"""


def hold_at(folder: Path, step: Step) -> Path:
    """Install into a folder what holds each delivery thread at that step; where each then leaves a file of its name."""
    held = folder / "held"
    held.mkdir(parents=True)
    (folder / "hold.py").write_text(_CODE.format(folder=str(held), step=step.value))
    (folder / _MODULE).write_text(_ONLY_IN_COMMANDS)
    return held
