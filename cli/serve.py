"""``allowance serve``: the web server, with workers inside where no broker is set."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Never

import typer

from cli.demo import prepare_demo
from cli.setup import start
from core.errors import AllowanceError
from core.runtime import Runtime, open_runtime
from core.workers.broker import Announcer, open_broker
from core.workers.worker import Worker, open_announcer


class CannotListen(AllowanceError):
    """The address to serve at cannot be had."""

    code = "CANNOT_LISTEN"


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at; 0.0.0.0 for all of this machine's.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="First fill an empty database with a demonstration.")] = False,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log every request.")] = False,
) -> None:
    """Serve GraphQL, events and GraphiQL over HTTP.

    GraphQL is at /graphql, events are sent to /events, and GraphiQL, to try it out, is at /graphiql. Without
    a broker (ALLOWANCE_BROKER_URL) workers and schedule run inside this process. Stops at SIGTERM or Ctrl-C
    when it has answered what it was asked.

    \b
    Examples:
      allowance serve --demo
      allowance serve --host 0.0.0.0 --port 8080
    """
    # They take longer to import than all the rest, and no other command needs them.
    from api.app import create_app  # noqa: PLC0415
    from api.http.server import Server, give_up_on_stalled  # noqa: PLC0415

    settings = start(quiet=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    listener = _bind(host, port)
    give_up_on_stalled(listener)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    with listener, open_runtime(settings) as runtime:
        tokens = prepare_demo(runtime) if demo else None

        def say_where() -> None:
            typer.echo(f"GraphiQL: {address}/graphiql")
            if tokens:
                typer.echo(tokens)

        with _announcer(runtime) as announcer:
            app = create_app(runtime, announcer)
            Server(app, started=say_where, access_log=access_log).run(sockets=[listener])


@contextmanager
def _announcer(runtime: Runtime) -> Iterator[Announcer]:
    """Who is told of work: workers in this process, or those behind the broker."""
    if runtime.settings.embedded_workers:
        with Worker(runtime) as worker:
            yield worker.announcer
        return
    broker = open_broker(runtime.settings)
    try:
        yield open_announcer(runtime, broker)
    finally:
        broker.close()


def _bind(host: str, port: int) -> socket.socket:
    """A socket at the address; who connects is refused until the server listens. Raises :class:`CannotListen`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CannotListen(
            f"Cannot listen at {host}, port {port}: {error.strerror}. Give another --host or --port, or stop what "
            "listens there."
        ) from None
    return listener


def _leave(*_: object) -> Never:
    """Leave through every ``with`` on the way out, before the server runs and after it has stopped."""
    raise SystemExit(0)
