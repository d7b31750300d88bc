"""``allowance mail``: the admins of a license, and whether they get its e-mails."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, show_list
from core.administration.admin_mail import list_mailed_admins, subscribe_admin, unsubscribe_admin
from core.runtime import open_runtime

app = typer.Typer(help="Show who gets the e-mails of a license, and change it.", no_args_is_help=True)

LicenseKey = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The e-mail address of an admin, in any spelling.")]


_COLUMNS = (
    Column("email", "E-mail"),
    Column("name", "Name"),
    Column("language", "Language"),
    Column("subscribed", "Subscribed", lambda subscribed: "yes" if subscribed else "no"),
    Column("unsubscribedAt", "Unsubscribed (UTC)"),
)


@app.command("list")
def list_(license: LicenseKey, as_json: Json = False) -> None:
    """Show the admins of a license, and since when an admin gets no e-mails.

    Admins come from 'allowance licenses import' and from the mutation putLicense.

    \b
    Example:
      allowance mail list acme
    """
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        admins = list_mailed_admins(session, license_ids(session, [license])[license])
    rows = [(one.email, one.name, one.language, one.unsubscribed_at is None, one.unsubscribed_at) for one in admins]
    if rows or as_json:
        show_list(_COLUMNS, rows, as_json=as_json)
    if not as_json and all(one.unsubscribed_at for one in admins):
        typer.echo(f"Nobody gets the e-mails of the license {license}.")


@app.command()
def subscribe(license: LicenseKey, email: Email) -> None:
    """Send the e-mails of a license to an admin again who was unsubscribed.

    Open alerts of which no admin got an e-mail are sent to the admin at once.

    \b
    Example:
      allowance mail subscribe acme ada@acme.example
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        license_id = license_ids(session, [license])[license]
        mails = subscribe_admin(session, license_id, email, datetime.now(UTC))
    typer.echo(f"{email} gets the e-mails of the license {license}.")
    if mails:
        typer.echo("An e-mail about its open alerts is on its way.")


@app.command()
def unsubscribe(license: LicenseKey, email: Email) -> None:
    """Send no more e-mails of a license to an admin, as the link in each e-mail does.

    \b
    Example:
      allowance mail unsubscribe acme ada@acme.example
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        unsubscribe_admin(session, license_ids(session, [license])[license], email, datetime.now(UTC))
    typer.echo(f"{email} gets no more e-mails of the license {license}.")
