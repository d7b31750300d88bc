"""``allowance alerts``: crossed thresholds, and the delivery of the warnings about them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer
from sqlmodel import Session, col, select

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import show_table, to_the_minute
from core.alerts.tables import Alert
from core.database.prefixes import find_by_prefix
from core.delivery.messages import listed_alerts
from core.delivery.outbox.redeliver import redeliver
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.licenses.tables import License
from core.runtime import open_runtime
from core.text import shown

app = typer.Typer(
    help="Show crossed thresholds and their deliveries, and repeat failed deliveries.", no_args_is_help=True
)
MOST = 100


@app.command("list")
def list_(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only alerts that have not recovered.")] = False,
) -> None:
    """Show alerts, newest first, at most 100."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        ids = license_ids(session, license or []) if license else None
        statement = select(Alert, License.key).join(License, col(License.id) == Alert.license_id)
        if ids is not None:
            statement = statement.where(col(Alert.license_id).in_(ids.values()))
        if open_:
            statement = statement.where(col(Alert.recovered_at).is_(None))
        alerts = session.exec(statement.order_by(col(Alert.found_at).desc(), col(Alert.id)).limit(MOST)).all()
        rows = [
            (alert.id[:12], key, alert.meter, _percent(alert.ratio), f"{alert.used:f} of {alert.limit:f}",
             to_the_minute(alert.crossed_at), to_the_minute(alert.recovered_at), _notified(alert))
            for alert, key in alerts
        ]  # fmt: skip
    headings = ("Alert", "License", "Meter", "Threshold", "Used", "Crossed (UTC)", "Recovered (UTC)", "Notified (UTC)")
    show_table(headings, rows)


@app.command()
def show(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The beginning of the alert's id.")],
) -> None:
    """Show an alert, and the outcome of its deliveries."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        row = _find(session, alert)
        key = session.exec(select(License.key).where(License.id == row.license_id)).one()
        typer.echo(f"{key}: {row.meter} crossed {_percent(row.ratio)} of {row.limit:f} ({row.basis}) at {row.used:f}")
        typer.echo(
            f"in {row.period_first} to {row.period_end}, contract version {row.contract_version}, "
            f"crossed {to_the_minute(row.crossed_at)} UTC, found {to_the_minute(row.found_at)} UTC"
            + (f", recovered {to_the_minute(row.recovered_at)} UTC" if row.recovered_at else "")
            + f", notified {_notified(row)}"
            + (" UTC" if row.notified_at else "")
        )
        rows = [
            (
                message.kind,
                delivery.channel,
                delivery.recipient,
                delivery.status,
                str(delivery.attempts),
                to_the_minute(delivery.finished_at),
                delivery.detail or "",
            )
            for message, delivery in _deliveries(session, row)
        ]
    show_table(("Message", "Channel", "Recipient", "Status", "Attempts", "Ended (UTC)", "Detail"), rows)


@app.command("redeliver")
def redeliver_(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The beginning of the alert's id.")],
) -> None:
    """Repeat the parked deliveries of an alert, with the same message ids."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        row = _find(session, alert)
        deliveries = [delivery for _, delivery in _deliveries(session, row)]
        parked = [delivery for delivery in deliveries if delivery.status == DeliveryStatus.PARKED]
        waiting = sum(delivery.status == DeliveryStatus.PENDING for delivery in deliveries)
        for delivery in parked:
            redeliver(session, delivery, datetime.now(UTC))
    summary = f"Deliveries sent again: {len(parked)}." if parked else "Nothing of it is parked."
    typer.echo(summary + (f" On their way already: {waiting}." if waiting else ""))


def _find(session: Session, prefix: str) -> Alert:
    missing = f"No alert {shown(prefix)}. 'allowance alerts list' names them."
    return find_by_prefix(session, select(Alert), Alert.id, prefix, plural="alerts", missing=missing)


def _deliveries(session: Session, alert: Alert) -> list[tuple[Message, Delivery]]:
    """Return the messages that list an alert, with their deliveries."""
    rows = session.execute(
        select(Message, Delivery)
        .join(
            Delivery,
            (col(Delivery.license_id) == Message.license_id) & (col(Delivery.message_id) == Message.id),
        )
        .where(Message.license_id == alert.license_id)
        .where(Message.occurred_at >= alert.found_at)
        .order_by(col(Delivery.created_at), col(Delivery.channel), col(Delivery.recipient))
    )
    return [(message, delivery) for message, delivery in rows if _lists(message, alert)]


def _lists(message: Message, alert: Alert) -> bool:
    return any(item.id == alert.id for item in listed_alerts(message.kind, message.document))


def _notified(alert: Alert) -> str:
    """Return when the first message about the crossing was delivered."""
    return to_the_minute(alert.notified_at) or "nobody"


def _percent(ratio: Decimal) -> str:
    return f"{(ratio * 100).normalize():f}%"
