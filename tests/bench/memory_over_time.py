"""What a server and a worker hold in memory after rounds of the same work: what grows with them is a leak."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.api.server import Client, cloudevent
from tests.bench import places
from tests.bench.findings import Finding, Found, Remark, Scale
from tests.e2e.operations import ask_for_refresh, put_licenses, wait_until_done
from tests.e2e.processes import Installation, Process

NO_BROKER: Final = "redis://127.0.0.1:1/0"
"""Workers look by themselves for what nobody announces."""
LICENSES: Final = [f"license-{number}" for number in range(50)]
READ: Final = (
    "query Read{} ($key: String) {{ consumption(license: $key) {{ status sections {{ key readings {{ used }} }} }} }}"
)
BATCH: Final = 200


def run(scale: Scale) -> Iterator[Found]:
    """The memory of a server and of a worker over rounds of events, refreshes, and reads by known and new queries."""
    rounds, reads = scale.of((6, 300), (12, 1_000), (60, 3_000))
    with ExitStack() as stack:
        url = stack.enter_context(places.postgresql())
        home = Path(stack.enter_context(TemporaryDirectory(prefix="allowance-bench-")))
        installation = Installation(home, url, {"broker_url": NO_BROKER, "sweep_seconds": 0.2, "log_level": "WARNING"})
        server, address = stack.enter_context(installation.serving())
        worker = stack.enter_context(installation.working())
        client = stack.enter_context(installation.client(address))
        put_licenses(client, LICENSES)
        held: dict[str, list[float]] = {"server": [], "worker": []}
        for number in range(rounds):
            _work(client, number, reads)
            held["server"].append(_memory(server))
            held["worker"].append(_memory(worker))
        for stopped in (worker, server):
            stopped.stop()
    for name, taken in held.items():
        half, last = taken[rounds // 2 - 1], taken[-1]
        ours = f"a {name} after {rounds} rounds"
        yield Finding(ours, "after half of them", "MB", (last, half), [last / half], "≤ 1.1")
        yield Remark(f"{name} after each round: {', '.join(f'{one:.0f}' for one in taken)} MB.")
    yield Remark(
        f"A round: {BATCH * len(LICENSES):,} events, {len(LICENSES)} refreshes, {reads:,} reads, every tenth by "
        "a query that was not sent before."
    )


def _work(client: Client, number: int, reads: int) -> None:
    for key in LICENSES:
        events = (
            cloudevent("interaction.sent", key, f"{key}-{number}-{each}", quantity=1, dimensions={"channel": "print"})
            for each in range(BATCH)
        )
        assert client.post_events(*events).status_code == 200
    wait_until_done(client, ask_for_refresh(client, *LICENSES))
    for each in range(reads):
        new = "" if each % 10 else f"_{number}_{each}"
        client.data(READ.format(new), key=LICENSES[each % len(LICENSES)])


def _memory(process: Process) -> float:
    """The memory that a process holds, in MB (Linux)."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000
