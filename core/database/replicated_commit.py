"""Commits that wait for a synchronous replica of PostgreSQL: one whose wait was ended fails, as its outcome is unknown.

PostgreSQL reports such a commit as done, with a warning: it holds on the primary, and would be lost with it. So the
sender gets an error and sends again. No `statement_timeout` ends the wait, but ``pg_cancel_backend`` does.
"""

from typing import Any, Final, cast

import psycopg
from psycopg.errors import Diagnostic
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

_WAIT: Final = "SyncRepWaitForLSN"
"""The function of PostgreSQL that waits, and warns. The text of the warning is in the language of the server."""
_ENDED: Final = "the wait for the replica was ended, so it is unknown whether the replica has the commit"


class ReplicatedConnection(psycopg.Connection[Any]):
    """A connection that notes whether the wait of a commit was ended."""

    _is_ended = False

    def watch(self) -> None:
        """Begin to note warnings."""
        self.add_notice_handler(self._note)

    def commit(self) -> None:
        """Commit.

        Raises:
            psycopg.OperationalError: The wait for the replica was ended, or the server is away.
        """
        super().commit()
        self.require_replicated()

    def require_replicated(self) -> None:
        """Raise psycopg.OperationalError if the wait for the replica was ended since the last call."""
        is_ended, self._is_ended = self._is_ended, False
        if is_ended:
            raise psycopg.OperationalError(_ENDED)

    def _note(self, diagnostic: Diagnostic) -> None:
        self._is_ended = self._is_ended or diagnostic.source_function == _WAIT


def require_replicated(connection: Connection) -> None:
    """Require that the last statement of a connection that commits each statement has reached the replica.

    Raises:
        sqlalchemy.exc.OperationalError: The wait for the replica was ended.
    """
    try:
        cast("ReplicatedConnection", connection.connection.driver_connection).require_replicated()
    except psycopg.OperationalError as error:
        raise OperationalError("COMMIT", None, error) from error
