"""``allowance outbox``: deliveries to people and platforms, failed ones, and repeating them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session, col, select

from cli.setup import start
from cli.tables import Column, Json, print_json, show_list
from core.database.leases import claim_time
from core.database.prefixes import find_by_prefix
from core.delivery.outbox.counts import count_deliveries
from core.delivery.outbox.redeliver import redeliver
from core.delivery.outbox.tables import STUCK, Delivery, DeliveryStatus
from core.licenses.tables import License
from core.runtime import open_runtime
from core.text import shown

app = typer.Typer(
    help="Count deliveries by status, show those that failed, and repeat them.",
    invoke_without_command=True,
)
MOST = 100
"""Deliveries that are shown."""
STEP = 1_000
"""Deliveries that are repeated in one transaction."""


_COLUMNS = (
    Column("id", "Delivery", lambda id: id[:12]),
    Column("license", "License"),
    Column("channel", "Channel"),
    Column("recipient", "Recipient"),
    Column("status", "Status"),
    Column("attempts", "Attempts"),
    Column("dueAt", "Due (UTC)"),
    Column("detail", "Detail"),
)


@app.callback()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Count deliveries by status, and show those that are parked, or failed and will be tried again."""
    if context.invoked_subcommand:
        return
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        counts = count_deliveries(session)
        stuck = session.execute(
            select(Delivery, License.key)
            .join(License, col(License.id) == Delivery.license_id)
            .where(STUCK)
            .order_by(col(Delivery.created_at).desc())
            .limit(MOST)
        )
        rows = [
            (delivery.id, key, delivery.channel, delivery.recipient, delivery.status, delivery.attempts,
             delivery.due_at, delivery.detail)
            for delivery, key in stuck
        ]  # fmt: skip
    if as_json:
        fields = [column.field for column in _COLUMNS]
        print_json({"counts": counts, "stuck": [dict(zip(fields, row, strict=True)) for row in rows]})
        return
    for status, number in counts.items():
        typer.echo(f"{status}: {number:,}")
    if rows:
        show_list(_COLUMNS, rows, as_json=False)


@app.command("redeliver")
def redeliver_(
    delivery: Annotated[
        list[str] | None, typer.Argument(metavar="[DELIVERY]...", help="Ids of deliveries, or the beginnings of them.")
    ] = None,
    parked: Annotated[bool, typer.Option("--parked", help="All parked deliveries, instead of naming them.")] = False,
    channel: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="With --parked: only the channel email, webhook or notifier.")
    ] = None,
) -> None:
    """Send parked deliveries again, with the same message ids.

    \b
    Examples:
      allowance outbox redeliver 3f2c8a91d0e4
      allowance outbox redeliver --parked --channel email
    """
    if bool(delivery) is parked or (channel and not parked):
        raise typer.BadParameter("name deliveries, or give --parked, and with that --channel if need be.")
    number = 0
    with open_runtime(start()) as runtime:
        with runtime.database.read() as session:
            begun = claim_time(session)
        while True:
            with runtime.database.write() as session:
                rows = _parked(session, channel, begun) if parked else [_find(session, id) for id in delivery or ()]
                for row in rows:
                    redeliver(session, row, begun)
            number += len(rows)
            if not parked or len(rows) < STEP:
                break
    typer.echo(f"Deliveries sent again: {number:,}.")


def _parked(session: Session, channel: str | None, before: datetime) -> Sequence[Delivery]:
    """Return up to STEP deliveries that were parked before a time, so that none is repeated twice in a run."""
    parked = select(Delivery).where(col(Delivery.status) == DeliveryStatus.PARKED, col(Delivery.finished_at) < before)
    if channel is not None:
        parked = parked.where(Delivery.channel == channel)
    return session.exec(parked.limit(STEP).with_for_update()).all()


def _find(session: Session, prefix: str) -> Delivery:
    """Return the delivery that failed or is parked whose id begins with a prefix, locked."""
    missing = f"No delivery {shown(prefix)} is parked or failed. 'allowance outbox' names them."
    stuck = select(Delivery).where(STUCK).with_for_update()
    return find_by_prefix(session, stuck, Delivery.id, prefix, plural="deliveries", missing=missing)
