"""The limit of the system on the open files of this process, of which each connection is one."""

import sys
from typing import Final

MOST: Final = 65_536
"""The highest limit that is asked for. A server of Python is busy long before it has as many connections."""
KEPT: Final = 256
"""Descriptors that connections leave to databases, files and child processes; with a low limit, a quarter of it."""


def raise_limit() -> None:
    """Raise the limit as far as this process may, up to MOST. Many systems begin with 1,024."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit() -> int | None:
    """Return the most descriptors that this process may have, None if there is no limit."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - Windows has none

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def for_connections(limit: int) -> int:
    """Return the number of the first descriptor that no connection may have.

    The system gives the lowest free number, so a connection with this number says that all lower ones are in use.
    """
    return limit - min(KEPT, limit // 4)
