"""``allowance licenses``: the list of licenses, their import from files, and their suspension."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import col, select

from cli.author import author
from cli.progress import progress
from cli.setup import start
from cli.statuses import WORDS, percent, sign_of
from cli.tables import Column, Json, show_list
from core.administration.import_file import ImportedLicenses, import_licenses, read_licenses
from core.administration.inputs import LicenseInput
from core.administration.put_license import put_license
from core.administration.suspend_license import resume_license, suspend_license
from core.consumption.list_licenses import (
    LicenseFilter,
    LicenseOrder,
    count_licenses,
    freshness_of,
    list_licenses,
)
from core.consumption.overview import NO_UTILIZATION, UTILIZATION_UNIT
from core.consumption.readings.status import SEVERITY, UsageStatus
from core.consumption.tables import LicenseOverview
from core.consumption.view import Freshness
from core.errors import BadInput, NotFound
from core.licenses.contact import Contact
from core.licenses.find import find_license, no_license
from core.licenses.tables import License
from core.nearest import did_you_mean
from core.runtime import Runtime, open_runtime
from core.text import shown
from core.times import instant

app = typer.Typer(
    help="List licenses; import licenses, contracts and grants from files; suspend and resume licenses; set contacts.",
    no_args_is_help=True,
)

MOST = 10_000

Key = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]

File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="A YAML file.")]


@app.command("list")
def list_(
    search: Annotated[str | None, typer.Option(help="Only licenses with this text in their key or name.")] = None,
    status: Annotated[
        list[UsageStatus] | None, typer.Option(help="Only licenses of this status; repeat for several.")
    ] = None,
    freshness: Annotated[
        list[Freshness] | None, typer.Option(help="Only licenses of this freshness; repeat for several.")
    ] = None,
    meter: Annotated[
        str | None, typer.Option(help="Only licenses that have this meter; --status is then that of the meter.")
    ] = None,
    order: Annotated[LicenseOrder, typer.Option(help="The order of the list.")] = LicenseOrder.WORST_FIRST,
    most: Annotated[int, typer.Option(min=1, max=MOST, help="The most licenses to list.")] = 100,
    as_json: Json = False,
) -> None:
    """List licenses with their status, the utilization of their fullest limit, and their latest update.

    Utilization and status are those of the last refresh. UPDATED lists the least recent update first.

    \b
    Examples:
      allowance licenses list --status EXCEEDED --status AT_RISK
      allowance licenses list --freshness STALE --order UPDATED
      allowance licenses list --search retail --json
    """
    now = datetime.now(UTC)
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        known = runtime.registry.meters
        if meter is not None and meter not in known:
            raise NotFound(f"No meter {shown(meter)}.{did_you_mean(meter, known)}")
        filter_ = LicenseFilter(now, status or None, search, freshness or None, meter)
        counts = count_licenses(session, filter_)
        ids = [license_id for license_id, _ in list_licenses(session, filter_, order=order, most=most)]
        joined = select(License, LicenseOverview).join(
            LicenseOverview, col(LicenseOverview.license_id) == col(License.id)
        )
        found = {
            row.license_id: (license, row) for license, row in session.exec(joined.where(col(License.id).in_(ids)))
        }
        rows = [_cells(*found[license_id], now) for license_id in ids]
    show_list(_COLUMNS, rows, as_json=as_json)
    total = sum(count for each, count in counts.items() if not status or each in status)
    if not as_json and total > len(rows):
        typer.echo(f"{total - len(rows):,} more. --most, --search and --status show others.")


def _cells(license: License, overview: LicenseOverview, now: datetime) -> tuple[object, ...]:
    return (
        license.key,
        license.name,
        next(status for status, severity in SEVERITY.items() if severity == overview.severity),
        None if overview.utilization == NO_UTILIZATION else Decimal(overview.utilization) / UTILIZATION_UNIT,
        freshness_of(overview, now),
        instant(overview.updated_at) if overview.updated_at else None,
        license.suspended_because,
    )


_COLUMNS = (
    Column("key", "License"),
    Column("name", "Name"),
    Column("status", "Status", lambda status: f"{sign_of(status)} {WORDS[status]}"),
    Column("utilization", "Utilization", lambda part: "" if part is None else percent(part)),
    Column("freshness", "Freshness", lambda freshness: freshness.lower()),
    Column("updatedAt", "Updated (UTC)"),
    Column("suspendedBecause", "Suspended"),
)


@app.command("import")
def import_(file: File) -> None:
    """Create or change the licenses of a YAML file: all of them, or none if there is an error.

    Each license comes with its contracts and grants. Every error is reported with its line. Importing the same
    file again changes nothing. A contract with a new effective_from is a new version; earlier days keep the
    version that applied to them.

    \b
    Example of a file:
      licenses:
        - key: acme
          name: Acme Retail
          time_zone: Europe/Brussels
          admins: [{email: ada@acme.example, name: Ada, language: nl}]
          contact: {name: Noor Claes, email: noor@vendor.example, url: https://vendor.example/noor}
          contracts:
            - effective_from: 2026-01-01
              starts_on: 2026-01-01
              billing_period: P1Y         # or P3M, P30D …
              anchor: CONTRACT_DATE       # or CALENDAR_YEAR
              terms: {profiles: 100000, interactions_per_profile: 12}
              at_risk: {interactions: 0.9}
              alert_at: {interactions: [0.5, 1.2]}
              forecast_at: {interactions: [1]}
              expiry_notice_days: [30, 7]
              warnings: true
          grants:
            - {id: acme-1, amount: 5000, granted_at: 2026-01-01T00:00:00Z, expires_at: 2027-01-01T00:00:00Z}

    \b
    Example:
      allowance licenses import licenses.yaml
    """
    with open_runtime(start()) as runtime:
        imported = import_license_file(runtime, file)
    for warning in imported.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    typer.echo(
        f"{file} is in force. Licenses: {imported.licenses:,}, contracts: {imported.contracts:,}, "
        f"grants: {imported.grants:,}."
    )


@app.command()
def suspend(
    license: Key,
    reason: Annotated[
        str, typer.Option(help="The reason, which users and installations of the license see; at most 500 characters.")
    ],
) -> None:
    """Suspend a license: its installations are refused when they check in, within a second.

    Its usage is still counted and shown. Suspending it again replaces the reason.

    \b
    Example:
      allowance licenses suspend acme --reason "Unpaid since May. Write to billing@vendor.example."
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        suspend_license(session, license, reason, by=author(), now=datetime.now(UTC))
    typer.echo(f"{license} is suspended.")


@app.command()
def resume(license: Key) -> None:
    """Resume a suspended license. Installations that have a place in the quota window are served again.

    \b
    Example:
      allowance licenses resume acme
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        resume_license(session, license)
    typer.echo(f"{license} is not suspended.")


@app.command()
def contact(
    license: Key,
    name: Annotated[
        str | None, typer.Option(help="The name of the account manager. Without a name the license has no contact.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="The e-mail address.")] = None,
    url: Annotated[str | None, typer.Option(help="The address of a page, such as a form.")] = None,
) -> None:
    """Set the contact of a license: the account manager whom pages and e-mails name. Without a name, remove it.

    \b
    Example:
      allowance licenses contact acme --name "Noor Claes" --email noor@vendor.example
    """
    if name is None and (email or url):
        raise BadInput("Name the contact with --name; without a name the contact is removed.")
    given = None if name is None else Contact(name, email, url)
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        if find_license(session, license) is None:
            raise no_license(session, license)
        put_license(session, LicenseInput(license, contact=given), datetime.now(UTC))
    typer.echo(f"The contact of {license} is {name}." if name else f"{license} has no contact.")


def import_license_file(runtime: Runtime, file: Path) -> ImportedLicenses:
    """Import a file of licenses, and show the progress. Raises :class:`core.administration.document.InvalidFile`."""
    with progress(f"Importing {file}") as report:
        read = read_licenses(str(file), file.read_bytes())
        with runtime.database.write() as session:
            return import_licenses(
                session,
                read,
                runtime.registry,
                datetime.now(UTC),
                report,
                most_admins=runtime.settings.max_admins,
                most_versions=runtime.settings.max_contract_versions,
            )
