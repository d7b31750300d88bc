"""What a GraphQL operation is executed with."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from sqlmodel import Session

from core.access.keys import Caller
from core.runtime import Runtime
from core.work.broker import Announcer


class Context:
    """One for each request: who asks, when, for which `operation` by its name, and the sessions.

    Reads share one consistent view of the database. A mutation writes in a transaction of its own, after
    which reads see it.
    """

    def __init__(
        self, runtime: Runtime, announcer: Announcer, caller: Caller, now: datetime, operation: str | None = None
    ) -> None:
        self.runtime = runtime
        self.announcer = announcer
        self.caller = caller
        self.now = now
        self.operation = operation
        self._reading = ExitStack()
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The session to read with, opened when first asked for."""
        if self._session is None:
            self._session = self._reading.enter_context(self.runtime.database.read())
        return self._session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block."""
        self.close()
        with self.runtime.database.write() as session:
            yield session

    def close(self) -> None:
        self._session = None
        self._reading.close()
