"""The metrics of a serving process, for Prometheus."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from time import perf_counter
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from core.database.engine import Database
from core.delivery.outbox.counts import count_deliveries
from core.plugins.breaker import load_pauses
from core.plugins.registry import Registry

MOST_NAMES: Final = 1000
"""Names of operations that have metrics of their own. Clients choose them freely, so further names count as OTHER."""
NAMES_PER_KEY: Final = 50
"""The default of the setting `metric_names_per_key`."""
LONGEST_NAME: Final = 100
OTHER: Final = "other"
NAMELESS: Final = "anonymous"
EXECUTED: Final = "executed"
RENEWED: Final = "renewed"
"""The source of a cached answer whose versions were checked in the database."""
MEMORY: Final = "memory"
"""The source of a cached answer that was fresh."""


class Fallback(StrEnum):
    """Why a query or subscription is executed by graphql-core instead of by its plan."""

    UNPLANNED = "unplanned"
    """No plan can be made, as for introspection, interfaces and directives."""
    ERROR = "error"
    """A resolver raised an error that the caller sees."""
    FAILED = "failed"
    """Anything else: a fault of a resolver or of the plan."""


class Refusal(StrEnum):
    """Why a connection is refused or ended."""

    DESCRIPTORS = "descriptors"
    """The process has as many open files as it may."""
    ADDRESS = "address"
    """The client's address holds as many connections as it may."""
    KEY = "key"
    """The key holds as many connections as it may."""
    SESSION = "session"
    """The session holds as many connections as it may."""
    UNGREETED = "ungreeted"
    """The client's address holds as many WebSockets without a token as it may."""
    HEAD_SIZE = "head_size"
    """The head of a request, or what follows its body, is too large."""
    HEAD_TIME = "head_time"
    """The head of a request took too long."""
    PIPELINED = "pipelined"
    """Too many requests wait for the answer to another on the same connection."""
    BODY_TIME = "body_time"
    """The body of a request took too long, or came too slowly."""
    UNREAD = "unread"
    """The client reads its answer too slowly."""
    FRAMES = "frames"
    """Too many frames without a message came over a WebSocket."""
    MALFORMED = "malformed"
    """The client does not speak HTTP."""


class OperationLabels(NamedTuple):
    """The labels of an operation: its name, and its kind, or `refused` if it was not executed."""

    name: str
    kind: str


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, database: Database, names_per_key: int = NAMES_PER_KEY) -> None:
        """Start all counters at zero; the outbox is counted in the database at each reading.

        Args:
            database: The database with the outbox.
            names_per_key: Names of operations that one API key may bring.
        """
        self.registry = CollectorRegistry()
        self._names: dict[str, str] = {}
        """The names with metrics of their own, and the id of the key that brought each."""
        self._of_key: Tally[str] = Tally()
        self._names_per_key = names_per_key
        self.operations = Counter(
            "allowance_graphql_operations",
            "Answers to GraphQL operations, by name and kind of the operation and by the source of the answer.",
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
            "Durations of executed GraphQL operations, by name.",
            ["operation"],
            registry=self.registry,
        )
        self.fallbacks = Counter(
            "allowance_graphql_fallbacks",
            "GraphQL queries and subscriptions that graphql-core executed instead of their plan, by reason.",
            ["reason"],
            registry=self.registry,
        )
        for reason in Fallback:
            self.fallbacks.labels(reason)
        self.refusals = Counter(
            "allowance_connections_refused",
            "Connections that were refused or ended to keep bounds, by reason.",
            ["reason"],
            registry=self.registry,
        )
        for refusal in Refusal:
            self.refusals.labels(refusal)
        self.registry.register(_Outbox(database))

    def operation(self, name: str | None, kind: str, key_id: str) -> OperationLabels:
        """Return the labels of an operation.

        Args:
            name: Its name in the document, None if it has none.
            kind: Its kind.
            key_id: The id of the API key that sent it.
        """
        if name is None:
            return OperationLabels(NAMELESS, kind)
        if name not in self._names:
            if len(name) > LONGEST_NAME or not self._has_room(key_id):
                return OperationLabels(OTHER, kind)
            if self._names.setdefault(name, key_id) == key_id:
                self._of_key[key_id] += 1
        return OperationLabels(name, kind)

    def _has_room(self, key_id: str) -> bool:
        return len(self._names) < MOST_NAMES and self._of_key[key_id] < self._names_per_key

    def counter(self, operation: OperationLabels, source: str) -> Counter:
        """Return the counter of an operation's answers from one source."""
        return self.operations.labels(operation.name, operation.kind, source)

    def count(self, operation: OperationLabels, source: str) -> None:
        """Count an answer."""
        self.counter(operation, source).inc()

    def count_fallback(self, reason: Fallback) -> None:
        """Count an operation that graphql-core executes instead of its plan."""
        self.fallbacks.labels(reason).inc()

    def count_refusal(self, reason: Refusal) -> None:
        """Count a connection that is refused or ended."""
        self.refusals.labels(reason).inc()

    def count_errors(self, answer: Mapping[str, Any]) -> None:
        """Count the errors of an answer by their codes."""
        for error in answer.get("errors", ()):
            self.errors.labels(error["extensions"]["code"]).inc()

    @contextmanager
    def timed(self, operation: OperationLabels) -> Iterator[None]:
        """Measure the duration of the block."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds.labels(operation.name).observe(perf_counter() - began)


class PluginCollector(Collector):
    """A collector of the plugins that are not loaded or paused, and of the meters that pause since they failed."""

    def __init__(self, database: Database, registry: Registry) -> None:
        """Remember the database with the pauses, and the plugins of this process."""
        self._database = database
        self._registry = registry

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics; without those of pauses while the database is away."""
        loaded = GaugeMetricFamily("allowance_plugin_loaded", "1 if a plugin is loaded, else 0.", labels=["plugin"])
        for plugin in self._registry.plugins:
            loaded.add_metric([plugin.name], plugin.problem is None)
        yield loaded
        paused = GaugeMetricFamily("allowance_plugin_paused", "1 for each plugin that is paused.", labels=["plugin"])
        failures = GaugeMetricFamily(
            "allowance_meter_failures",
            "Failures in a row of meters that hung, ended their process or took too much memory.",
            labels=["plugin", "meter", "code"],
        )
        try:
            with self._database.read() as session:
                pauses = load_pauses(session)
        except SQLAlchemyError:
            return
        for name in sorted(pauses.plugins):
            paused.add_metric([name], 1)
        for meter, pause in sorted(pauses.meters.items()):
            owner = self._registry.plugin_of.get(meter)
            failures.add_metric([owner.name if owner else "", meter, pause.code], pause.failures)
        yield paused
        yield failures

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing, so that nothing is read when the collector is registered."""
        return iter(())


class _Outbox(Collector):
    """A collector of the number of deliveries at each status."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("allowance_deliveries", "Deliveries in the outbox, by status.", labels=["status"])
        try:
            with self._database.read() as session:
                for status, number in count_deliveries(session).items():
                    family.add_metric([status], number)
        except SQLAlchemyError:
            return  # the other metrics matter most while the database is away
        yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())
