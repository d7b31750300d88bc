"""A soak: senders at full rate, kills at random, and at the end two counts that have to agree."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from time import monotonic, sleep

from core.database.engine import Database
from tests.api.server import Client
from tests.e2e.operations import ask_for_refresh, readings, wait_until_done
from tests.soak.places import Place
from tests.soak.sender import Notes, sending
from tests.soak.tally import ZONES, Newest, Tally, differences, recorded

PAUSE = (0.5, 6.0)
"""Seconds between two kills, at the least and at the most."""


@dataclass
class Report:
    """What a soak came to."""

    seconds: float
    notes: Notes
    kills: dict[str, int]
    memory: list[float]
    """The most that a server held, in MB, from time to time."""
    recount: str
    recount_seconds: float
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        events = sum(self.notes.tally.events.values())
        lines = [
            f"{events:,} events were acknowledged in {self.seconds:.0f} seconds ({events / self.seconds:,.0f}/s)",
            f"killed: servers {self.kills['server']} times, the database {self.kills['database']} times",
            f"answers: {dict(self.notes.answers)}",
            f"memory of a server: {min(self.memory, default=0):.0f} to {max(self.memory, default=0):.0f} MB",
            f"recount in {self.recount_seconds:.1f} s: {self.recount.strip()}",
            f"independent count of {len(self.notes.tally.sums):,} sums and {len(self.notes.tally.levels):,} levels: "
            + ("agrees to the event" if not self.wrong else f"{len(self.wrong)} differences"),
            *self.wrong[:20],
        ]
        return "\n".join(lines)


def soak(
    place: Place, senders: Sequence[str], seconds: float, random: Random, pause: tuple[float, float] = PAUSE
) -> Report:
    """Soak the place for so long, and compare."""
    place.start()
    with place.installation.client(place.urls[0]) as client:
        _put_licenses(client)
        token = client.headers["Authorization"].removeprefix("Bearer ")
        memory: list[float] = []
        with sending(senders, place.urls, token) as stop:
            begun = monotonic()
            while monotonic() < begun + seconds:
                sleep(random.uniform(*pause))
                memory.append(place.memory())
                place.kill_something(random)
            notes = stop()
        lasted = monotonic() - begun
        recount_begun = monotonic()
        recount = place.installation.run("recount", within=600)
        recounted = monotonic() - recount_begun
        wrong = list(notes.wrong)
        if recount.returncode:
            wrong.append(f"recount: {recount.stdout} {recount.stderr}")
        with closing(Database(place.installation.database_url)) as database, database.engine.connect() as connection:
            wrong += differences(notes.tally, recorded(connection))
        wait_until_done(client, ask_for_refresh(client, *ZONES))
        wrong += _wrong_readings(client, notes.tally)
        wrong += [line for line in place.logs().splitlines() if "deadlock" in line]
    return Report(lasted, notes, place.kills, memory, recount.stdout, recounted, wrong)


def _put_licenses(client: Client) -> None:
    since = (datetime.now(UTC) - timedelta(days=10)).date()
    for key, zone in ZONES.items():
        client.data(
            """mutation ($license: LicenseInput!, $contract: ContractInput!) {
              putLicense(input: $license) { errors { message } } putContract(input: $contract) { errors { message } }
            }""",
            license={"key": key, "name": key, "timeZone": zone},
            contract={
                "license": key,
                "effectiveFrom": str(since),
                "startsOn": str(since),
                "terms": [{"key": "users", "value": 100}],
            },
        )


def _wrong_readings(client: Client, tally: Tally) -> Iterator[str]:
    """Readings that are not what was acknowledged comes to."""
    for license in ZONES:
        sums = sum(total for cell, (total, _) in tally.sums.items() if cell[:2] == (license, "interaction.sent"))
        newest: dict[tuple[str, str], Newest] = {}
        for (key, _, entity, dimensions, _), said in tally.levels.items():
            if key == license:
                newest[entity, dimensions] = max(newest.get((entity, dimensions), said), said)
        found = readings(client, license)
        for meter, billionths in (("interactions", sums), ("users", sum(said[3] for said in newest.values()))):
            if (found[meter]["used"] or 0) != float(Decimal(billionths).scaleb(-9)):
                yield f"{license}: {meter} reads {found[meter]['used']}, and {Decimal(billionths).scaleb(-9)} is right"
