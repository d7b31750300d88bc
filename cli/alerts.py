"""``allowance alerts``: crossed thresholds and forecasts, and the delivery of the warnings about them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Annotated

import typer
from sqlmodel import Session, col, select

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, show_list, to_the_minute
from core.alerts.listing import AlertKind, list_all_alerts, newest_first
from core.alerts.tables import Alert, ForecastAlert
from core.database.leases import claim_time
from core.database.prefixes import find_by_prefix
from core.delivery.messages import listed_ids
from core.delivery.outbox.redeliver import redeliver
from core.delivery.outbox.tables import Delivery, DeliveryStatus, Message
from core.errors import NotFound
from core.licenses.tables import License
from core.runtime import open_runtime
from core.text import shown

app = typer.Typer(
    help="Show crossed thresholds and forecasts with their deliveries, and repeat failed deliveries.",
    no_args_is_help=True,
)
AnyAlert = Alert | ForecastAlert
MOST = 100


@app.command("list")
def list_(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only alerts that have not recovered.")] = False,
    as_json: Json = False,
) -> None:
    """Show alerts, newest first, at most 100."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        ids = license_ids(session, license or []) if license else None
        chosen = None if ids is None else ids.values()
        both = (
            list_all_alerts(session, kind.table, most=MOST, licenses=chosen, is_open=open_ or None)
            for kind in AlertKind
        )
        alerts = newest_first(chain.from_iterable(both), MOST)
        named = select(License.id, License.key).where(col(License.id).in_({alert.license_id for alert in alerts}))
        keys = dict(session.exec(named).all())
        rows = [_row(alert, keys[alert.license_id]) for alert in alerts]
    show_list(_COLUMNS, rows, as_json=as_json)


@app.command()
def show(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The beginning of the alert's id.")],
    as_json: Json = False,
) -> None:
    """Show an alert, and the outcome of its deliveries.

    With --json the deliveries alone are printed; 'allowance alerts list --json' has the alert.
    """
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        row = _find(session, alert)
        key = session.exec(select(License.key).where(License.id == row.license_id)).one()
        rows = [
            (message.kind, delivery.channel, delivery.recipient, delivery.status, delivery.attempts,
             delivery.finished_at, delivery.detail)
            for message, delivery in _deliveries(session, row)
        ]  # fmt: skip
        if not as_json:
            _describe(row, key)
    show_list(_DELIVERIES, rows, as_json=as_json)


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
        now = claim_time(session)
        for delivery in parked:
            redeliver(session, delivery, now)
    summary = f"Deliveries sent again: {len(parked)}." if parked else "Nothing of it is parked."
    typer.echo(summary + (f" On their way already: {waiting}." if waiting else ""))


def _row(alert: AnyAlert, key: str) -> Sequence[object]:
    kind, at = AlertKind.THRESHOLD, alert.found_at
    expected: Decimal | None = None
    exceeds_at: datetime | None = None
    match alert:
        case ForecastAlert():
            kind, expected, exceeds_at = AlertKind.FORECAST, alert.expected, alert.exceeds_at
        case Alert():
            at = alert.crossed_at
    return (
        *(alert.id, key, kind.value, alert.meter, alert.ratio, alert.used, alert.limit, alert.status, at),
        *(alert.recovered_at, alert.notified_at, expected, exceeds_at),
    )


def _describe(row: AnyAlert, key: str) -> None:
    of_limit = f"{_percent(row.ratio)} of {row.limit:f} ({row.basis})"
    if isinstance(row, ForecastAlert):
        at = f", {to_the_minute(row.exceeds_at)} UTC" if row.exceeds_at else ""
        typer.echo(f"{key}: {row.meter} is forecast to reach {of_limit} with {row.expected:f}{at}; used {row.used:f}")
        crossed = ""
    else:
        typer.echo(f"{key}: {row.meter} crossed {of_limit} at {row.used:f}")
        crossed = f"crossed {to_the_minute(row.crossed_at)} UTC, "
    typer.echo(
        f"in {row.period_first} to {row.period_end}, contract version {row.contract_version}, "
        f"{crossed}found {to_the_minute(row.found_at)} UTC"
        + (f", recovered {to_the_minute(row.recovered_at)} UTC" if row.recovered_at else "")
        + f", notified {_notified(row.notified_at)}"
        + (" UTC" if row.notified_at else "")
    )


def _find(session: Session, prefix: str) -> AnyAlert:
    """Return the alert on a threshold whose id begins with a prefix, or else the alert on a forecast."""
    missing = f"No alert {shown(prefix)}. 'allowance alerts list' names them."
    try:
        return find_by_prefix(session, select(Alert), Alert.id, prefix, plural="alerts", missing=missing)
    except NotFound:
        return find_by_prefix(
            session, select(ForecastAlert), ForecastAlert.id, prefix, plural="alerts", missing=missing
        )


def _deliveries(session: Session, alert: AnyAlert) -> list[tuple[Message, Delivery]]:
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
    return [(message, delivery) for message, delivery in rows if alert.id in listed_ids(message.kind, message.document)]


def _notified(time: datetime | None) -> str:
    """Return the time at which the first message about the crossing was delivered, in words if there is none."""
    return to_the_minute(time) or "nobody"


def _percent(ratio: Decimal) -> str:
    return f"{(ratio * 100).normalize():f}%"


_COLUMNS = (
    Column("id", "Alert", lambda id: id[:12]),
    Column("license", "License"),
    Column("kind", "Kind", str.lower),
    Column("meter", "Meter"),
    Column("ratio", "Threshold", _percent),
    Column("used", "Used"),
    Column("limit", "Limit"),
    Column("status", "Status"),
    Column("crossedAt", "Crossed (UTC)"),
    Column("recoveredAt", "Recovered (UTC)"),
    Column("notifiedAt", "Notified (UTC)", _notified),
    Column("expected", "Expected"),
    Column("exceedsAt", "Exceeded (UTC)"),
)
_DELIVERIES = (
    Column("kind", "Message"),
    Column("channel", "Channel"),
    Column("recipient", "Recipient"),
    Column("status", "Status"),
    Column("attempts", "Attempts"),
    Column("finishedAt", "Ended (UTC)"),
    Column("detail", "Detail"),
)
