"""``allowance check-in``: places that are freed, signed installations, and a simulation of hard quotas."""

import heapq
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Annotated, Final

import typer
from dateutil.relativedelta import relativedelta
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.freed_places import free, freed
from cli.setup import start
from cli.signatures import secret, signatures
from core.administration.inputs import ContractInput, LicenseInput
from core.administration.put_contract import put_contract
from core.administration.put_license import put_license
from core.admission.admitter import Admitter
from core.admission.check_in import CheckInRequest, Decision
from core.admission.report import InstallationReport, installation_report, load_counters
from core.licenses.load import load_licenses
from core.licenses.quota_terms import QuotaTerms
from core.licenses.tables import id_of
from core.runtime import Runtime, open_runtime
from core.settings import load_settings

LICENSE: Final = "simulated"
WIDTH: Final = 30
"""Characters of a bar."""
_DAY: Final = timedelta(days=1)

app = typer.Typer(help="Free places of hard quotas, sign installations, and simulate check-ins.", no_args_is_help=True)
app.command()(free)
app.command()(freed)
app.command()(secret)
app.command()(signatures)


@app.callback()
def check_in() -> None:
    """Free places of hard quotas, sign installations, and simulate check-ins."""


@app.command()
def simulate(
    installations: Annotated[int, typer.Option(min=1, max=100_000, help="The number of installations.")] = 1000,
    quota: Annotated[int, typer.Option(min=0, help="The quota: active installations in a month.")] = 600,
    back_off_days: Annotated[
        int | None, typer.Option(min=1, help="Days that a refused installation waits; by default until the month ends.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, max=3600, help="Duration of the month on a terminal.")] = 15,
    seed: Annotated[int, typer.Option(help="The seed of the random times.")] = 1,
) -> None:
    """Simulate a month of check-ins, and show what happens when the quota is reached.

    Each installation starts on some day of the month and checks in once a day, unless it has to back off. A few
    days of the next month follow, when all places are free again. The simulation runs the real engine on a
    temporary database; your own database is not used.

    \b
    Examples:
      allowance check-in simulate
      allowance check-in simulate --installations 5000 --quota 4000 --back-off-days 3
    """
    start()
    with TemporaryDirectory(prefix="allowance-simulation-") as directory:
        settings = load_settings(
            database_url=f"sqlite:///{Path(directory, 'simulation.db')}",
            check_ins_per_second=10**9,
            new_installations_per_second=10**9,
            quota_newcomers_per_hour=10**9,
        )
        with open_runtime(settings) as runtime:
            month = datetime.now(UTC).date().replace(day=1)
            _run(_Simulation(runtime, month, installations, quota, back_off_days, random.Random(seed)), seconds)  # noqa: S311


def _run(simulation: "_Simulation", seconds: float) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    with closing(simulation.admitter):
        days = []
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
                for day in simulation.days():
                    days.append(day)
                    live.update(_chart(days, simulation.quota), refresh=True)
                    sleep(seconds / simulation.length)
        else:
            days = list(simulation.days())
            console.print(_chart(days, simulation.quota))
        for line in simulation.summary():
            console.print(line, highlight=False)


@dataclass
class _Day:
    """The answers of a day, and the number of active installations at its end."""

    day: date
    active: int
    answers: Counter[Decision]


@dataclass
class _Simulation:
    """Installations with the times of their next check-ins, and the engine, which runs on the simulated time."""

    runtime: Runtime
    month: date
    installations: int
    quota: int
    back_off_days: int | None
    random: random.Random
    now: datetime = field(init=False)
    admitter: Admitter = field(init=False)

    def __post_init__(self) -> None:
        self.now = datetime(self.month.year, self.month.month, 1, tzinfo=UTC)
        self.end = self.now + relativedelta(months=1) + 4 * _DAY
        self.length = (self.end - self.now).days
        self.admitter = Admitter(
            self.runtime.database, self.runtime.registry, self.runtime.settings, clock=lambda: self.now
        )
        self.meter = self.admitter.quota_meters.find(None)
        terms = QuotaTerms(back_off_days=self.back_off_days)
        with self.runtime.database.write() as session:
            self.license_id = id_of(put_license(session, LicenseInput(LICENSE, "Simulated"), self.now))
            contract = ContractInput(
                LICENSE, self.month, self.month, ((self.meter.limit_terms[0], Decimal(self.quota)),),
                quotas=((self.meter.key, terms),),
            )  # fmt: skip
            put_contract(session, contract, self.runtime.registry, self.now)

    def days(self) -> Iterator[_Day]:
        """Simulate day by day."""
        first = self.now
        calls = [(first + self.random.uniform(0, 28) * _DAY, number) for number in range(self.installations)]
        heapq.heapify(calls)
        for number in range(self.length):
            night = first + (number + 1) * _DAY
            answers: Counter[Decision] = Counter()
            while calls[0][0] < night:
                self.now, installation = calls[0]
                request = CheckInRequest(LICENSE, self.meter.key, f"i-{installation}", "simulation")
                answer = self.admitter.check_in(request)
                answers[answer.decision] += 1
                again = self.now + _DAY
                while answer.back_off and again < answer.back_off.retry_at:
                    again += _DAY
                heapq.heapreplace(calls, (again, installation))
            yield _Day((night - _DAY).date(), self._report(night - _DAY).active, answers)

    def summary(self) -> Iterator[RenderableType]:
        """Yield the reports of both months."""
        for day in (self.now.replace(day=1) - _DAY, self.now):
            report = self._report(day)
            skewed = "; skewed: refused ones were not seen, and may look lost" if report.skewed else ""
            yield (
                f"{day:%B}: {report.active} active ({report.new} new, {report.returning} returning), "
                f"{report.refused} refused{skewed}"
            )

    def _report(self, day: datetime) -> InstallationReport:
        with self.runtime.database.read() as session:
            license = load_licenses(session, [self.license_id], self.now)[self.license_id]
            report = installation_report(
                load_counters(session, [license.id], self.meter, self.now)[license.id],
                license,
                self.meter,
                day.date(),
                self.now,
            )
        assert report  # noqa: S101 - the license was put a moment ago
        return report


def _chart(days: list[_Day], quota: int) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column(f"active, of {quota:,}", min_width=WIDTH)
    for title in ("", "admitted", "known", "refused"):
        table.add_column(title, justify="right")
    for day in days:
        filled = round(WIDTH * day.active / quota) if quota else WIDTH
        style = "red" if day.active >= quota else "yellow" if day.active >= 0.8 * quota else "green"
        bar = Text("█" * filled, style) + Text("·" * (WIDTH - filled), "dim")
        counts = [day.answers[decision] for decision in Decision]
        refused = Text(f"{counts[2]:,}", "red" if counts[2] else "dim")
        table.add_row(f"{day.day:%d %b}", bar, f"{day.active:,}", f"{counts[0]:,}", f"{counts[1]:,}", refused)
    return table
