"""Processes of the command that stop themselves at a step by SIGSTOP, until a test continues them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.e2e.processes import Installation, Process, eventually

LEASE_SECONDS: Final = 3
"""The leases of deliveries, and the time for which a transaction may stand still, so that the tests are short."""

# Python imports a module of this name at its start.
_CODE = """
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

if any(Path(given).name == "allowance" for given in sys.orig_argv):
    import core.database.engine as engine
    import core.delivery.outbox.dispatch as dispatch
    import {module} as place

    dispatch.LEASE = timedelta(seconds={lease})
    engine._SESSION = engine._SESSION.replace("=60000", "={lease}000")
    original = {of}.{name}

    def stopped(*given, **named):
        if threading.current_thread().name.startswith({thread!r}):
            try:
                os.close(os.open({marker!r}, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGSTOP)
                time.sleep(1)  # the signal takes effect in this thread soon after it did in another
        return original(*given, **named)

    {of}.{name} = stopped
"""


@dataclass(frozen=True)
class Step:
    """A step of the application: the call of a function, by threads whose names begin with a text."""

    module: str
    name: str
    thread: str = ""
    of: str = "place"


CLAIMED: Final = Step("core.delivery.outbox.dispatch", "_send", "delivery")
"""A delivery is claimed, and not sent."""
MEASURED: Final = Step("core.workers.refresh_due", "save_refresh")
"""Licenses are measured, and nothing is saved."""
SAVING: Final = Step("core.refresh.refresh", "write_history")
"""The snapshots of licenses are locked."""
COMMITTING: Final = Step("sqlalchemy.engine.default", "do_commit", "committer", "place.DefaultDialect")
"""Events are written, and not committed."""


@contextmanager
def stopped_at(step: Step, installation: Installation, *arguments: str) -> Iterator[Process]:
    """Start a command that stops itself at a step, once, and yield its process."""
    folder = installation.home / "stopping"
    folder.mkdir()
    marker = folder / "stopped"
    values = {"module": step.module, "name": step.name, "thread": step.thread, "of": step.of}
    (folder / "sitecustomize.py").write_text(_CODE.format(marker=str(marker), lease=LEASE_SECONDS, **values))
    changed = replace(installation, path=(folder, *installation.path))
    with changed.running(*arguments) as process:
        yield process


def wait_until_stopped(process: Process) -> None:
    """Wait until a process stands still, with all of its threads."""
    eventually(lambda: _state(process) == "T")


def continue_(process: Process) -> None:
    """Let a process go on."""
    process.popen.send_signal(signal.SIGCONT)


def _state(process: Process) -> str:
    assert process.popen.poll() is None, process.log.read_text()
    return Path(f"/proc/{process.popen.pid}/stat").read_text().rpartition(")")[2].split()[0]
