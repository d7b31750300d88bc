"""``allowance webhooks``: the webhook endpoints of licenses, and their deliveries."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlmodel import col, select

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, print_json, show_list, show_table
from core.database.leases import claim_time
from core.database.prefixes import find_by_prefix
from core.delivery.channels import WEBHOOK
from core.delivery.message_kinds import KINDS
from core.delivery.outbox.tables import Delivery
from core.delivery.webhooks.endpoints import (
    EndpointInput,
    find_endpoint,
    put_endpoint,
    remove_endpoint,
    rotate_secret,
)
from core.delivery.webhooks.log import LoggedDelivery, list_deliveries
from core.delivery.webhooks.manual_delivery import redeliver_by_hand, send_test
from core.delivery.webhooks.sign import LONGEST_OVERLAP, OVERLAP, read_secrets
from core.delivery.webhooks.tables import WebhookAttempt, WebhookEndpoint
from core.left_out import LEFT_OUT
from core.licenses.tables import License
from core.runtime import open_runtime
from core.text import shown

app = typer.Typer(help="Manage webhook endpoints of licenses, and show their deliveries.", no_args_is_help=True)
MOST = 100
HOUR = timedelta(hours=1)
_NEVER = ("", "", "", "")

LicenseKey = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]
EndpointKey = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's key.")]


@app.command()
def add(
    license: LicenseKey,
    endpoint: EndpointKey,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address to send to, https://…")],
    kind: Annotated[
        list[str] | None, typer.Option(help=f"Only messages of this kind; repeat for several. {', '.join(KINDS)}.")
    ] = None,
    all_kinds: Annotated[bool, typer.Option("--all-kinds", help="Messages of all kinds, instead of --kind.")] = False,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Whether messages are sent.", show_default=False)
    ] = None,
) -> None:
    """Create an endpoint and print its secret on the last line, or change the endpoint with that key.

    A new endpoint is enabled and gets messages of all kinds by default. A known endpoint keeps what is left out.

    The platform verifies signatures with the secret, which is shown only once. Rotate a secret that is lost.

    \b
    Examples:
      allowance webhooks add acme platform https://platform.example/hooks
      allowance webhooks add acme platform https://platform.example/hooks --kind threshold.crossed --disabled
    """
    kinds = None if all_kinds else kind or LEFT_OUT
    endpoint_input = EndpointInput(license, endpoint, url, kinds, LEFT_OUT if enabled is None else enabled)
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        put, secret = put_endpoint(session, endpoint_input, runtime.settings.opened_networks, datetime.now(UTC))
    if secret is None:
        typer.echo(f"The endpoint {put.key} was changed. Its secret stays.")
        return
    typer.echo(f"The endpoint {put.key} was created. This is its secret; it is not shown again:", err=True)
    typer.echo(secret)


@app.command("list")
def list_(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the endpoints of all licenses."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        statement = select(WebhookEndpoint, License.key).join(
            License, col(License.id) == col(WebhookEndpoint.license_id)
        )
        if license:
            statement = statement.where(col(License.key).in_(license_ids(session, license)))
        rows = [
            (key, endpoint.key, endpoint.url, endpoint.kinds, endpoint.enabled)
            for endpoint, key in session.exec(statement.order_by(col(License.key), col(WebhookEndpoint.key)))
        ]
    show_list(_COLUMNS, rows, as_json=as_json)


@app.command()
def show(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Show an endpoint. Of its secrets, only the time until which each signs is shown."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        row = find_endpoint(session, license_ids(session, [license])[license], endpoint)
    typer.echo(f"{license}: {row.key} at {row.url}")
    typer.echo(f"kinds: {', '.join(row.kinds or ['all'])}")
    typer.echo(_state(row.enabled) + (f": {row.disabled_because}" if row.disabled_because else ""))
    typer.echo(f"created {_at(row.created_at)} UTC")
    for number, secret in enumerate(read_secrets(row.secrets), start=1):
        ends = f"signs until {_at(secret.until)} UTC" if secret.until else "signs"
        typer.echo(f"secret {number}: {ends}")


@app.command()
def rotate(
    license: LicenseKey,
    endpoint: EndpointKey,
    overlap_hours: Annotated[
        int,
        typer.Option(
            min=0,
            max=LONGEST_OVERLAP // HOUR,
            help="Hours for which the old secret signs beside the new one; 0 ends it at once.",
        ),
    ] = OVERLAP // HOUR,
) -> None:
    """Give an endpoint a new secret, and print it on the last line. It is shown only once."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        _, secret = rotate_secret(session, license, endpoint, datetime.now(UTC), overlap_hours * HOUR)
    typer.echo(f"The old secret signs for {overlap_hours} hours more. This is the new one, not shown again:", err=True)
    typer.echo(secret)


@app.command()
def remove(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Remove an endpoint. Its pending deliveries are dropped."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        remove_endpoint(session, license, endpoint)
    typer.echo(f"The endpoint {endpoint} was removed.")


@app.command()
def test(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Send a message of kind webhook.test to one endpoint, also if it does not want that kind."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        delivery = send_test(session, license, endpoint, claim_time(session)).delivery
    typer.echo(f"Delivery {delivery.id} is on its way. 'allowance webhooks log {license} {endpoint}' shows it.")


@app.command()
def log(license: LicenseKey, endpoint: EndpointKey, as_json: Json = False) -> None:
    """Show the deliveries to an endpoint with all their attempts, newest first, at most 100 deliveries."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        row = find_endpoint(session, license_ids(session, [license])[license], endpoint)
        logged = list_deliveries(session, row.license_id, [row.id], most=MOST)[row.id]
    if as_json:
        print_json([_plain(entry) for entry in logged])
        return
    rows = [
        (entry.delivery.id, entry.kind, entry.delivery.status, *attempt)
        for entry in logged
        for attempt in [*map(_attempt, entry.attempts)] or [_NEVER]
    ]
    show_table(("Delivery", "Kind", "Status", "Tried (UTC)", "Took", "Code", "Answer"), rows)


@app.command()
def redeliver(
    license: LicenseKey,
    delivery: Annotated[
        str,
        typer.Argument(metavar="DELIVERY", help="The beginning of its id, as 'allowance webhooks log' shows it."),
    ],
) -> None:
    """Send a delivery again with the same message id, whatever its status."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        license_id = license_ids(session, [license])[license]
        missing = f"No delivery {shown(delivery)} to an endpoint of this license."
        sent = select(Delivery).where(Delivery.license_id == license_id, Delivery.channel == WEBHOOK)
        row = find_by_prefix(session, sent, Delivery.id, delivery, plural="deliveries", missing=missing)
        redeliver_by_hand(session, license, row.id, claim_time(session))
    typer.echo(f"Delivery {row.id} is on its way again.")


def _plain(entry: LoggedDelivery) -> dict[str, object]:
    """Return a delivery with its attempts as JSON has it."""
    fields = ("at", "milliseconds", "status", "answer", "error")
    return {
        "id": entry.delivery.id,
        "kind": entry.kind,
        "status": entry.delivery.status,
        "attempts": [{field: getattr(attempt, field) for field in fields} for attempt in entry.attempts],
    }


def _attempt(attempt: WebhookAttempt) -> tuple[str, str, str, str]:
    return (
        f"{attempt.at:%Y-%m-%d %H:%M:%S}",
        f"{attempt.milliseconds} ms",
        str(attempt.status or ""),
        attempt.error or attempt.answer or "",
    )


def _state(enabled: bool) -> str:
    return "enabled" if enabled else "disabled"


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


_COLUMNS = (
    Column("license", "License"),
    Column("key", "Endpoint"),
    Column("url", "URL"),
    Column("kinds", "Kinds", lambda kinds: ", ".join(kinds or ["all"])),
    Column("enabled", "State", _state),
)
