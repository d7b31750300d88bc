"""``allowance webhooks``: where a license's messages are sent, and what became of them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlmodel import col, select

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import show_table
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
from core.delivery.webhooks.log import list_deliveries
from core.delivery.webhooks.manual_delivery import redeliver_by_hand, send_test
from core.delivery.webhooks.sign import LONGEST_OVERLAP, OVERLAP, read_secrets
from core.delivery.webhooks.tables import WebhookAttempt, WebhookEndpoint
from core.licenses.tables import License
from core.runtime import open_runtime
from core.text import shown

app = typer.Typer(
    help="Send a license's messages to the endpoints of platforms, and show what became of them.", no_args_is_help=True
)
MOST = 100
HOUR = timedelta(hours=1)
_NEVER = ("", "", "", "")

LicenseKey = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]
EndpointKey = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's key.")]


@app.command()
def add(
    license: LicenseKey,
    endpoint: EndpointKey,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send, https://…")],
    kind: Annotated[
        list[str] | None, typer.Option(help=f"Only messages of this kind; repeat for several. {', '.join(KINDS)}.")
    ] = None,
    enabled: Annotated[bool, typer.Option("--enabled/--disabled", help="Whether anything is sent there.")] = True,
) -> None:
    """Make an endpoint, and print its secret, once, alone on the last line; or change the one of that key.

    The secret is what the platform verifies signatures with. Whoever loses it rotates it.

    \b
    Examples:
      allowance webhooks add acme platform https://platform.example/hooks
      allowance webhooks add acme platform https://platform.example/hooks --kind threshold.crossed --disabled
    """
    given = EndpointInput(license, endpoint, url, tuple(kind) if kind else None, enabled)
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        put, secret = put_endpoint(session, given, runtime.settings.opened_networks, datetime.now(UTC))
    if secret is None:
        typer.echo(f"The endpoint {put.key} was changed. Its secret stays.")
        return
    typer.echo(f"The endpoint {put.key} was made. This is its secret; it is not shown again:", err=True)
    typer.echo(secret)


@app.command("list")
def list_(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
) -> None:
    """Show the endpoints of all licenses."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        statement = select(WebhookEndpoint, License.key).join(
            License, col(License.id) == col(WebhookEndpoint.license_id)
        )
        if license:
            statement = statement.where(col(License.key).in_(license_ids(session, license)))
        rows = [
            (key, one.key, one.url, ", ".join(one.kinds or ["all"]), _state(one.enabled))
            for one, key in session.exec(statement.order_by(col(License.key), col(WebhookEndpoint.key)))
        ]
    show_table(("License", "Endpoint", "URL", "Kinds", "State"), rows)


@app.command()
def show(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Show an endpoint. Its secrets are not shown, only until when each signs."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        found = find_endpoint(session, license_ids(session, [license])[license], endpoint)
    typer.echo(f"{license}: {found.key} at {found.url}")
    typer.echo(f"kinds: {', '.join(found.kinds or ['all'])}")
    typer.echo(_state(found.enabled) + (f": {found.disabled_because}" if found.disabled_because else ""))
    typer.echo(f"made {_at(found.created_at)} UTC")
    for number, secret in enumerate(read_secrets(found.secrets), start=1):
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
            help="How long the old secret signs beside the new one; 0 ends it at once.",
        ),
    ] = OVERLAP // HOUR,
) -> None:
    """Give an endpoint a new secret and print it, once, alone on the last line."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        _, secret = rotate_secret(session, license, endpoint, datetime.now(UTC), overlap_hours * HOUR)
    typer.echo(f"The old secret signs for {overlap_hours} hours more. This is the new one, not shown again:", err=True)
    typer.echo(secret)


@app.command()
def remove(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Remove an endpoint. What is on its way there is dropped."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        remove_endpoint(session, license, endpoint)
    typer.echo(f"The endpoint {endpoint} was removed.")


@app.command()
def test(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Send a message of kind webhook.test to an endpoint alone, whatever kinds it wants."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        delivery = send_test(session, license, endpoint, datetime.now(UTC)).delivery
    typer.echo(f"Delivery {delivery.id} is on its way. 'allowance webhooks log {license} {endpoint}' shows it.")


@app.command()
def log(license: LicenseKey, endpoint: EndpointKey) -> None:
    """Show what was sent to an endpoint, a hundred deliveries at the most, the newest first, with every attempt."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        found = find_endpoint(session, license_ids(session, [license])[license], endpoint)
        logged = list_deliveries(session, found.license_id, [found.id], most=MOST)[found.id]
        rows = [
            (one.delivery.id, one.kind, one.delivery.status, *attempt)
            for one in logged
            for attempt in [*map(_attempt, one.attempts)] or [_NEVER]
        ]
    show_table(("Delivery", "Kind", "Status", "Tried (UTC)", "Took", "Code", "What was answered"), rows)


@app.command()
def redeliver(
    license: LicenseKey,
    delivery: Annotated[
        str, typer.Argument(metavar="DELIVERY", help="Its id, as 'allowance webhooks log' shows it, or its beginning.")
    ],
) -> None:
    """Send a delivery once more under the same id, whatever became of it."""
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        license_id = license_ids(session, [license])[license]
        missing = f"No delivery {shown(delivery)} to an endpoint of this license."
        sent = select(Delivery).where(Delivery.license_id == license_id, Delivery.channel == WEBHOOK)
        found = find_by_prefix(session, sent, Delivery.id, delivery, plural="deliveries", missing=missing)
        redeliver_by_hand(session, license, found.id, datetime.now(UTC))
    typer.echo(f"Delivery {found.id} is on its way again.")


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
