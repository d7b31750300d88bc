"""``allowance credits``: requests for credits, and grants."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
from sqlmodel import Session, col, select

from cli.author import author
from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, show_list
from core.access.person import read_person, requester_name
from core.administration.answer_request import grant_for_request
from core.administration.decline_request import decline_request
from core.administration.grant_credits import grant_credits
from core.administration.inputs import DeclineInput, GrantInput, VoidInput
from core.administration.void_grant import void_grant
from core.credits.tables import CreditRequest
from core.database.prefixes import find_by_prefix
from core.errors import BadInput, NotFound
from core.licenses.find import find_license
from core.licenses.tables import Grant, License
from core.runtime import open_runtime
from core.text import shown
from core.times import NotAnInstant, parse_instant

app = typer.Typer(
    help="Show requests for credits and grants, grant or decline credits, and void grants.", no_args_is_help=True
)
MOST = 100
_REQUESTS = (
    Column("id", "Request"),
    Column("license", "License"),
    Column("meter", "Meter"),
    Column("amount", "Amount"),
    Column("entity", "Entity"),
    Column("note", "Note"),
    Column("person", "Requested by"),
    Column("requestedWith", "Requested with"),
    Column("requestedAt", "Requested (UTC)"),
    Column("closedAt", "Answered (UTC)"),
    Column("closedBy", "Answered by"),
    Column("declinedBecause", "Declined because"),
)
_GRANTS = (
    Column("key", "Grant"),
    Column("meter", "Meter"),
    Column("amount", "Amount"),
    Column("entity", "Entity"),
    Column("grantedAt", "Granted (UTC)"),
    Column("expiresAt", "Expires (UTC)"),
    Column("voidedAt", "Voided (UTC)"),
    Column("voidedAll", "As a whole"),
    Column("voidedBy", "Voided by"),
    Column("voidNote", "Reason"),
)


@app.command()
def requests(
    license: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this license; repeat for several.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also requests that were answered.")] = False,
    as_json: Json = False,
) -> None:
    """Show open requests for credits, oldest first, at most 100."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        ids = license_ids(session, license or []) if license else None
        statement = select(CreditRequest, License.key).join(License, col(License.id) == CreditRequest.license_id)
        if ids is not None:
            statement = statement.where(col(CreditRequest.license_id).in_(ids.values()))
        if not all_:
            statement = statement.where(col(CreditRequest.closed_at).is_(None))
        requests = session.exec(statement.order_by(col(CreditRequest.requested_at), col(CreditRequest.id)).limit(MOST))
        rows = [
            (request.id, key, request.meter, request.amount, request.entity, request.note,
             requester_name(read_person(request.person), "") or None, request.requested_by,
             request.requested_at, request.closed_at, request.closed_by, request.declined_because)
            for request, key in requests
        ]  # fmt: skip
    show_list(_REQUESTS, rows, as_json=as_json)


@app.command()
def grant(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    amount: Annotated[str, typer.Argument(help="The number of credits, above 0.")],
    request: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="The id of the request to answer, or the beginning of it; its meter and entity apply."
        ),
    ] = None,
    id_: Annotated[
        str | None,
        typer.Option("--id", help="The grant's id, by default the request's; an id is granted once."),
    ] = None,
    meter: Annotated[str | None, typer.Option(help="The meter, if several meters of credits are installed.")] = None,
    entity: Annotated[str | None, typer.Option(help="The only entity that may use the credits.")] = None,
    expires_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The time when unused credits are lost, as 2027-01-01T00:00:00Z."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="A note for people.")] = None,
) -> None:
    """Grant credits to a license, usable from now on.

    Without --request, the grant answers the oldest open request for the same meter and entity, if there is one.

    \b
    Examples:
      allowance credits grant acme 5000 --request 4f0c2a9de1b34c55a8e7b7c1d2e3f405
      allowance credits grant acme 5000 --id 2026-q1 --expires-at 2027-01-01T00:00:00Z
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        grant_input = GrantInput(
            id=id_ or "",
            license=license,
            amount=_amount(amount),
            entity=entity or None,
            expires_at=None if expires_at is None else _time(expires_at),
            note=note,
            meter=meter or None,
        )
        if request is not None:
            grant_input = grant_for_request(grant_input, _find(session, license, request))
        if not grant_input.id:
            raise typer.BadParameter("give the grant an id with --id, or name the request that it answers.")
        made = grant_credits(session, grant_input, runtime.registry, datetime.now(UTC))
        granted, of = f"{made.amount:f}", made.meter
    typer.echo(f"Granted to {license}: {granted} of {of}, grant {grant_input.id}.")


@app.command("list")
def list_(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")], as_json: Json = False
) -> None:
    """Show the grants of a license, newest first, at most 100."""
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        [license_id] = license_ids(session, [license]).values()
        grants = session.exec(
            select(Grant)
            .where(Grant.license_id == license_id)
            .order_by(col(Grant.granted_at).desc(), col(Grant.id))
            .limit(MOST)
        )
        rows = [
            (one.id, one.meter, one.amount, one.entity, one.granted_at, one.expires_at, one.voided_at, one.voided_all,
             one.voided_by, one.void_note)
            for one in grants
        ]  # fmt: skip
    show_list(_GRANTS, rows, as_json=as_json)


@app.command()
def decline(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The id of the request, or the beginning of it.")],
    reason: Annotated[str, typer.Option(help="The reason. Users and admins of the license see it.")],
) -> None:
    """Decline a request for credits, with a reason that admins get by e-mail.

    Declining a request again with the same reason changes nothing.

    \b
    Example:
      allowance credits decline acme 4f0c2a9d --reason "The budget of this year is spent. Ask again in January."
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        given = DeclineInput(license, _find(session, license, request).id, reason)
        declined = decline_request(session, given, runtime.registry.notifiers.values(), author(), datetime.now(UTC))
        amount, of, id_ = f"{declined.amount:f}", declined.meter, declined.id
    typer.echo(f"The request {id_} of {license} is declined: {amount} of {of}.")


@app.command()
def void(
    license: Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")],
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="The grant's id; 'allowance credits list' names it.")],
    note: Annotated[str, typer.Option(help="The reason. It is stored with your user name.")],
    all_: Annotated[bool, typer.Option("--all", help="Void the whole grant, as if it had never been made.")] = False,
) -> None:
    """Void a grant of credits: what is left of it, or with --all the whole grant.

    What the grant paid stays paid. With --all, what it paid is taken from other grants, or owed, and the history
    since the grant is measured again. Voiding a grant again in the same way changes nothing.

    \b
    Examples:
      allowance credits void acme 2026-q1 --note "refunded, invoice 4711"
      allowance credits void acme 2026-q2 --all --note "granted to the wrong license"
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        given = VoidInput(license, grant, note, all_)
        voided = void_grant(session, given, author(), datetime.now(UTC))
        granted, of = f"{voided.amount:f}", voided.meter
    what = "All" if all_ else "What is left"
    typer.echo(f"{what} of the grant {grant} of {license} is void: {granted} of {of}.")


def _find(session: Session, license: str, request: str) -> CreditRequest:
    missing = f"No request {shown(request)} of {shown(license)}. 'allowance credits requests' names them."
    row = find_license(session, license)
    if row is None:
        raise NotFound(missing)
    requests = select(CreditRequest).where(CreditRequest.license_id == row.id)
    return find_by_prefix(session, requests, CreditRequest.id, request, plural="requests", missing=missing)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadInput(f"The amount {shown(text)} is not a number.") from None


def _time(text: str) -> datetime:
    try:
        return parse_instant(text)
    except NotAnInstant as problem:
        raise BadInput(f"--expires-at: {problem}.") from None
