"""A primary of PostgreSQL with a streaming replica, and clients of servers that go on while the one takes over."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from time import monotonic
from typing import Final

import psycopg

from tests.api.server import Client, cloudevent
from tests.services import PostgresServer, private_server, replica_of

WRITERS: Final = 3
INSTALLATIONS: Final = 80
READ: Final = '{ license(key: "acme") { key } }'


@dataclass(frozen=True)
class Pair:
    """Two servers of PostgreSQL. Programs reach the primary at `address` and `port`, and so does the replica."""

    primary: PostgresServer
    replica: PostgresServer
    address: str
    port: int

    @property
    def url(self) -> str:
        """The URL with both hosts, of which the one that writes is used."""
        return (
            f"postgresql://postgres:{self.primary.password}@{self.address}:{self.port},127.0.0.1:{self.replica.port}"
            "/postgres"
        )

    def stop_receiving(self) -> None:
        """Let the replica fall behind: it receives no more from the primary."""
        self.replica.configure(primary_conninfo="")
        self.replica.control("reload")
        while _query(self.replica, "SELECT count(*) FROM pg_stat_wal_receiver") != 0:
            pass

    def promote(self) -> None:
        """Make the replica the primary. It has no replica of its own."""
        self.replica.control("promote", "--wait")


@contextmanager
def pair(reached: Callable[[PostgresServer], tuple[str, int]], *, synchronous: bool) -> Iterator[Pair]:
    """Start the two servers.

    Args:
        reached: Returns the address and the port at which the primary is reached.
        synchronous: Whether the primary acknowledges only what the replica has.
    """
    with private_server() as primary:
        primary.configure(synchronous_commit="on")
        primary.control("reload")
        address, port = reached(primary)
        with replica_of(primary, address, port) as replica:
            if synchronous:
                primary.configure(synchronous_standby_names="*")
                primary.control("reload")
            while _query(primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != 1:
                pass
            yield Pair(primary, replica, address, port)


def _query(server: PostgresServer, statement: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


@dataclass
class Traffic:
    """Clients that send events, check in and read, each request again until it is answered with 200.

    Attributes:
        url: The URL of a server.
        token: The token of the clients.
        acknowledged: The ids of events that were acknowledged.
        admitted: The installations that got a place.
        refused: The numbers of answers that were no success, by status; by the code of their error for those that had
            status 200: a GraphQL request that was under way may have such an answer.
        last: The time of the last success of each kind of request, by the monotonic clock.
    """

    url: str
    token: str
    acknowledged: set[str] = field(default_factory=set)
    admitted: set[str] = field(default_factory=set)
    refused: Counter[int | str] = field(default_factory=Counter)
    last: dict[str, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send until the block ends. An event that was begun is sent until it is acknowledged."""
        threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        threads += [threading.Thread(target=self._check_in), threading.Thread(target=self._read)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def works_since(self, moment: float) -> bool:
        """Return whether each kind of request succeeded after a moment."""
        return len(self.last) == WRITERS + 2 and min(self.last.values()) > moment

    def _write(self, number: int) -> None:
        with Client(self.url, self.token) as client:
            for each in count():
                event = cloudevent("interaction.sent", "acme", id := f"{number}-{each}", quantity=1)
                if not self._until_served(f"writer {number}", partial(client.post_events, event)):
                    return
                self.acknowledged.add(id)

    def _check_in(self) -> None:
        with Client(self.url, self.token) as client:
            for each in range(INSTALLATIONS):
                body = {"license": "acme", "installation": (name := f"installation {each}")}
                answer = self._until_served("check-in", partial(client.post, "/check-in", json=body))
                if not answer:
                    return
                if answer in ("ADMITTED", "KNOWN"):
                    self.admitted.add(name)
        self.last["check-in"] = float("inf")

    def _read(self) -> None:
        with Client(self.url, self.token) as client:
            while self._until_served("reader", partial(client.post, "/graphql", json={"query": READ})):
                pass

    def _until_served(self, name: str, request: Callable[[], object]) -> str:
        """Send a request again until it succeeds. Return the decision of a check-in, "" if the traffic ended before."""
        while not self._stopped.wait(0.05):
            answer = request()
            status, body = answer.status_code, answer.json()  # type: ignore[attr-defined]
            decided = body.get("decision")
            if decided or (status == 200 and not body.get("errors")):
                self.last[name] = monotonic()
                return decided or "served"
            errors = body.get("errors") if status == 200 else None
            self.refused.update([error["extensions"]["code"] for error in errors] if errors else [status])
        return ""
