"""``allowance contracts``: the versions of contracts."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer
from sqlmodel import col, select

from cli.author import author
from cli.lookups import license_ids
from cli.setup import start
from cli.tables import Column, Json, show_list
from core.administration.withdraw_contract import withdraw_contract
from core.licenses.tables import Contract
from core.runtime import open_runtime

app = typer.Typer(help="List the versions of a contract, and take versions back.", no_args_is_help=True)

License = Annotated[str, typer.Argument(metavar="LICENSE", help="The license's key.")]


def _ratios(of_meter: tuple[str, list[Decimal]]) -> str:
    meter, ratios = of_meter
    return f"{meter} {' '.join(f'{ratio:f}' for ratio in ratios)}"


_COLUMNS = (
    Column("version", "Version"),
    Column("effectiveFrom", "First day"),
    Column("endsOn", "Last day"),
    Column("terms", "Terms", lambda terms: ", ".join(f"{term} {value:f}" for term, value in terms.items())),
    Column("forecastAt", "Forecast alerts", lambda by_meter: ", ".join(map(_ratios, by_meter.items()))),
    Column("createdAt", "Put (UTC)"),
    Column("withdrawnAt", "Withdrawn (UTC)"),
    Column("withdrawnBy", "Withdrawn by"),
)


@app.command("list")
def list_(license: License, as_json: Json = False) -> None:
    """Show all contract versions of a license, newest first, withdrawn ones too.

    A version is in force from its first day to its last day, unless a newer version begins before.
    """
    with open_runtime(start()) as runtime, runtime.database.read() as session:
        license_id = license_ids(session, [license])[license]
        versions = select(Contract).where(Contract.license_id == license_id).order_by(col(Contract.version).desc())
        rows = [
            (
                one.version,
                one.effective_from,
                one.ends_on,
                {term: Decimal(value) for term, value in sorted(one.terms.items())},
                {meter: list(map(Decimal, ratios)) for meter, ratios in sorted(one.forecast_at.items())},
                one.created_at,
                one.withdrawn_at,
                one.withdrawn_by,
            )
            for one in session.exec(versions)
        ]
    show_list(_COLUMNS, rows, as_json=as_json)


@app.command()
def withdraw(
    license: License,
    version: Annotated[int, typer.Argument(help="The number of the version, as 'allowance contracts list' shows it.")],
    begun: Annotated[bool, typer.Option("--begun", help="Also a version that has begun.")] = False,
) -> None:
    """Take back a contract version as if it had never been put.

    What was in force before is in force again. With --begun also a version that has begun is taken back; its days are
    measured again. Taking back the same version again changes nothing. A file that still has the version puts it again.

    \b
    Examples:
      allowance contracts withdraw acme 3
      allowance contracts withdraw acme 2 --begun
    """
    with open_runtime(start()) as runtime, runtime.database.write() as session:
        withdraw_contract(session, license, version, begun=begun, by=author(), now=datetime.now(UTC))
    typer.echo(f"Version {version} of the contract of {license} is withdrawn.")
