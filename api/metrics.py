"""What Prometheus is told of a serving process."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from core.alerts.outbox import count
from core.database.engine import Database

MOST_NAMES: Final = 200
"""Names of operations that are told apart; clients make them up, so the others are one."""
OTHER: Final = "other"
NAMELESS: Final = "anonymous"


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self._names: set[str] = set()
        self.operations = Counter(
            "allowance_graphql_operations",
            "GraphQL operations that were answered, by name, kind, and where the answer came from.",
            ["operation", "kind", "source"],
            registry=self.registry,
        )
        self.errors = Counter(
            "allowance_graphql_errors",
            "Errors in GraphQL answers, by code.",
            ["code"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "allowance_graphql_execution_seconds",
            "How long GraphQL operations took that were executed, by name.",
            ["operation"],
            registry=self.registry,
        )
        self.registry.register(_Outbox(database))

    def name(self, operation: str | None) -> str:
        """The name under which an operation is counted."""
        if operation is None:
            return NAMELESS
        if operation not in self._names and len(self._names) >= MOST_NAMES:
            return OTHER
        self._names.add(operation)
        return operation

    @contextmanager
    def timed(self, operation: str) -> Iterator[None]:
        """Note how long the block takes."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds.labels(operation).observe(perf_counter() - began)


class _Outbox(Collector):
    """The deliveries at each status, counted when it is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = GaugeMetricFamily("allowance_deliveries", "Deliveries in the outbox, by status.", labels=["status"])
        try:
            with self._database.read() as session:
                for status, number in count(session).items():
                    found.add_metric([status.value], number)
        except SQLAlchemyError:
            return  # the other metrics matter most while the database is away
        yield found

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())
