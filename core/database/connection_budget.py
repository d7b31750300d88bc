"""The division of the connections that a process may open to PostgreSQL."""

from typing import Final, NamedTuple

MOST: Final = 40
"""The default of the setting `database_connections`: a server and a worker fit into PostgreSQL's default of 100."""
FEWEST: Final = 12


class ConnectionShare(NamedTuple):
    """The largest numbers of connections of a :class:`core.database.engine.Database`, by use.

    Connections of their own, which check-ins alone open, one for each of their threads, are counted apart.
    """

    sessions: int
    """Connections of sessions."""
    queries: int
    """Connections of single statements that only read."""


CHECK_INS: Final = ConnectionShare(2, 1)
"""The share of check-ins and of the look-up of callers, which are short. It sends no single statements."""
_OWN: Final = 4
"""The threads of check-ins with a connection of their own: look-up, admission in two threads, last check-ins."""


def share_of_requests(total: int) -> ConnectionShare:
    """Return what is left of all connections of a process beside the share of check-ins."""
    left = total - _OWN - CHECK_INS.sessions
    queries = left // 4
    return ConnectionShare(left - queries, queries)
