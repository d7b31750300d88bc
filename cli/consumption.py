"""``allowance consumption``: the usage of a license against its limits, drawn on the terminal."""

from datetime import UTC, datetime
from time import sleep
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from cli.drawing import draw
from cli.plain_consumption import plain_consumption
from cli.setup import start
from cli.tables import Json, print_json
from core.consumption.current import load_current
from core.consumption.current_readings import current_readings
from core.consumption.view import ConsumptionView, view_consumption
from core.licenses.find import no_license
from core.runtime import Runtime, open_runtime

WIDTH = 120
"""The width of the drawing where there is no terminal."""
POLL = 1.0
"""Seconds between two looks for a change."""


def consumption(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    watch: Annotated[bool, typer.Option("--watch", help="Draw it again after every change, until Ctrl+C.")] = False,
    as_json: Json = False,
) -> None:
    """Draw the consumption of a license: usage against limits, with statuses.

    Each section shows its readings as bars up to the limit or beyond it, with the thresholds that alert, its status
    and its latest update. NO_COLOR turns colours off; each status has a sign and a word as well.

    \b
    Examples:
      allowance consumption acme
      allowance consumption acme --watch
      allowance consumption acme --json | jq .status
    """
    with open_runtime(start()) as runtime:
        view = _load(runtime, license)
        if as_json:
            print_json(plain_consumption(view))
            return
        console = Console()
        if not console.is_terminal:
            console = Console(width=WIDTH)
        if not watch:
            console.print(draw(view, console.width), highlight=False)
            return
        _watch(runtime, license, view, console)


def _watch(runtime: Runtime, license: str, view: ConsumptionView, console: Console) -> None:
    """Draw the consumption, and again when it changed, until the process is interrupted."""
    try:
        with Live(draw(view, console.width), console=console, auto_refresh=False, vertical_overflow="visible") as live:
            while True:
                sleep(POLL)
                view = _load(runtime, license)
                live.update(draw(view, console.width), refresh=console.is_terminal)
    except KeyboardInterrupt:
        pass


def _load(runtime: Runtime, license: str) -> ConsumptionView:
    now = datetime.now(UTC)
    current = load_current(runtime.database, license, now)
    if current is None:
        with runtime.database.read() as session:
            raise no_license(session, license)
    readings = current_readings(current, runtime.registry, now)
    return view_consumption(current.license, readings, current.version, runtime.registry, now)
