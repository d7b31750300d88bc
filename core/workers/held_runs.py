"""The runs that this process has claimed: their leases are renewed while work goes on, and a stop gives them back."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from core.database.engine import Database
from core.database.leases import Lease, claim_time, renewing
from core.queue.queue import requeue_runs
from core.queue.tables import RefreshRun


class HeldRuns:
    """The claims of a process. Thread-safe.

    Attributes:
        stopping: Set once the process is to claim nothing more.
    """

    def __init__(self, database: Database, lease: timedelta) -> None:
        """Hold no runs yet."""
        self.stopping: Final = threading.Event()
        self.lease: Final = lease
        self._database = database
        self._claims: dict[str, Sequence[RefreshRun]] = {}

    @contextmanager
    def hold(self, lease: Lease, runs: Sequence[RefreshRun]) -> Iterator[None]:
        """Renew the lease of claimed runs at intervals, until the block ends."""
        self._claims[lease.claim] = runs
        try:
            with renewing(self._database, lease, runs):
                yield
        finally:
            self._claims.pop(lease.claim, None)

    def give_back(self, claim: str) -> int:
        """Make the runs that a claim still holds due now, for other workers. Return the number of runs of the claim.

        Work that still goes on in this process finds its claim gone, and finishes no run.
        """
        runs = self._claims.pop(claim, ())
        with self._database.write() as session:
            requeue_runs(session, claim, runs, claim_time(session))
        return len(runs)

    def give_back_all(self) -> int:
        """Give back the runs of all claims. Return their number."""
        return sum(self.give_back(claim) for claim in list(self._claims))
