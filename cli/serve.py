"""``allowance serve``: the web server, with workers inside where no broker is set."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Never

import typer

from cli.demo import prepare_demo
from cli.listening import bind
from cli.setup import SafeMode, WithoutPlugin, leave_out, start
from core.runtime import Runtime, open_runtime
from core.workers.broker import Announcer, open_broker
from core.workers.worker import Worker, open_announcer


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at; 0.0.0.0 for all addresses of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any free port.")] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="Fill an empty database with a demonstration first.")] = False,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log every request.")] = False,
    without_plugin: WithoutPlugin = None,
    safe_mode: SafeMode = False,
) -> None:
    """Serve the page My consumption, GraphQL and events over HTTP.

    The page is at /consumption, the page for operators at /operator, GraphQL at /graphql, and GraphiQL, a page to try
    queries, at /graphiql. Events are sent to /events.
    Without a broker (ALLOWANCE_BROKER_URL), workers and the schedule run inside this process. SIGTERM or Ctrl-C
    stops the server after the requests that it has begun.

    \b
    Examples:
      allowance serve --demo
      allowance serve --host 0.0.0.0 --port 8080
    """
    settings = leave_out(start(quiet=False), without_plugin, safe_mode=safe_mode)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    listener = bind(host, port)
    # These imports take longer than all others. A taken port is reported before them, and no other command needs them.
    from api.app import create_app  # noqa: PLC0415
    from api.http.descriptors import raise_limit  # noqa: PLC0415
    from api.http.server import Server, give_up_on_stalled  # noqa: PLC0415

    raise_limit()
    give_up_on_stalled(listener)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    with listener, open_runtime(settings) as runtime:
        pages = prepare_demo(runtime, address) if demo else None

        def show_address() -> None:
            typer.echo(f"My consumption: {address}/consumption")
            if settings.graphiql:
                typer.echo(f"GraphiQL: {address}/graphiql")
            if pages:
                typer.echo(pages)

        with _announcer(runtime) as announcer:
            app = create_app(runtime, announcer)
            Server(app, started=show_address, access_log=access_log).run(sockets=[listener])


@contextmanager
def _announcer(runtime: Runtime) -> Iterator[Announcer]:
    """Yield the announcer of work: to workers in this process, or to those behind the broker."""
    if runtime.settings.embedded_workers:
        with Worker(runtime) as worker:
            yield worker.announcer
        return
    broker = open_broker(runtime.settings)
    try:
        yield open_announcer(runtime, broker)
    finally:
        broker.close()


def _leave(*_: object) -> Never:
    """Exit through all ``with`` blocks, before the server runs and after it has stopped."""
    raise SystemExit(0)
