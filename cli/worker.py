"""``allowance worker``: background work in a separate process."""

import signal
import threading
from contextlib import ExitStack
from typing import Annotated, Final

import typer

from cli.listening import bind
from cli.probe_port import answer_probes
from cli.setup import SafeMode, WithoutPlugin, leave_out, start
from core.errors import BadSetting
from core.readiness import Readiness
from core.runtime import open_runtime
from core.workers.worker import Worker

_SIGNALS_SECONDS: Final = 1
"""Seconds between two looks for signals that other threads received."""


def worker(
    probe_host: Annotated[
        str, typer.Option(help="The address of the probes; 0.0.0.0 for all addresses.")
    ] = "127.0.0.1",
    probe_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Answer the probes /livez and /readyz at this port.")
    ] = None,
    without_plugin: WithoutPlugin = None,
    safe_mode: SafeMode = False,
) -> None:
    """Refresh meters in the background.

    It runs until SIGTERM or Ctrl-C, and then finishes the work that it has begun. Any number of workers may run,
    on any number of machines; each due refresh is done by one of them. They share a broker and a database with
    the servers.

    \b
    Example:
      export ALLOWANCE_DATABASE_URL=postgresql://user@db/allowance ALLOWANCE_BROKER_URL=redis://broker/0
      allowance migrate && allowance worker
    """
    settings = leave_out(start(quiet=False), without_plugin, safe_mode=safe_mode)
    if settings.embedded_workers:
        raise BadSetting(
            "ALLOWANCE_BROKER_URL is memory://, with which workers run only inside 'allowance serve'. To run them "
            "apart, set it to redis://… or amqp://…, for the servers as well."
        )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    listener = None if probe_port is None else bind(probe_host, probe_port)
    with open_runtime(settings) as runtime, ExitStack() as stack:
        readiness = Readiness(runtime.database)
        if listener is not None:
            stack.enter_context(answer_probes(listener, readiness))
            typer.echo(f"Probes: http://{probe_host}:{listener.getsockname()[1]}/readyz", err=True)
        stack.enter_context(Worker(runtime))
        typer.echo("The worker runs. At SIGTERM or Ctrl-C it finishes the work that it has begun, and stops.", err=True)
        # A signal wakes this thread only if it is delivered to it. To a process that was stopped, and is continued, the
        # system delivers it to any thread.
        while not stopped.wait(_SIGNALS_SECONDS):
            pass
        readiness.drain()
