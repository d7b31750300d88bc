"""``allowance licenses``: the import of licenses, contracts and grants from files, and the suspension of licenses."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.author import author
from cli.progress import progress
from cli.setup import start
from core.administration.import_file import ImportedLicenses, import_licenses, read_licenses
from core.administration.suspend_license import resume_license, suspend_license
from core.runtime import Runtime, open_runtime

app = typer.Typer(
    help="Import licenses, contracts and grants from files; suspend and resume licenses.", no_args_is_help=True
)

Key = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]

File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="A YAML file.")]


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
          contracts:
            - effective_from: 2026-01-01
              starts_on: 2026-01-01
              billing_period: P1Y         # or P3M, P30D …
              anchor: CONTRACT_DATE       # or CALENDAR_YEAR
              terms: {profiles: 100000, interactions_per_profile: 12}
              at_risk: {interactions: 0.9}
              alert_at: {interactions: [0.5, 1.2]}
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


def import_license_file(runtime: Runtime, file: Path) -> ImportedLicenses:
    """Import a file of licenses, and show the progress. Raises :class:`core.administration.document.InvalidFile`."""
    with progress(f"Importing {file}") as report:
        read = read_licenses(str(file), file.read_bytes())
        with runtime.database.write() as session:
            return import_licenses(session, read, runtime.registry, datetime.now(UTC), report)
