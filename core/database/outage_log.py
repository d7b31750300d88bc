"""The log of outages of the database: a line when one begins and a line when it ends, however many callers fail."""

import logging
import threading
from time import monotonic
from typing import Final, Literal, TypeAlias

logger = logging.getLogger(__name__)

Work: TypeAlias = Literal["reading", "writing"]
"""The work that fails. A full or locked database answers readers, so each has an outage of its own."""


class OutageLog:
    """The outages that this process notices. Thread-safe."""

    def __init__(self) -> None:
        """Begin without an outage."""
        self._since: Final[dict[Work, float]] = {}
        self._lock: Final = threading.Lock()

    def __bool__(self) -> bool:
        """Return whether there is an outage."""
        return bool(self._since)

    def begin(self, work: Work, error: BaseException) -> None:
        """Note that work failed because the database is away."""
        with self._lock:
            if work in self._since:
                return
            self._since[work] = monotonic()
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        logger.error("the database is away, %s fails until further notice: %s", work, cause)

    def end(self, work: Work) -> None:
        """Note that work succeeded. Costs a look into a dictionary while there is no outage."""
        if work not in self._since:
            return
        with self._lock:
            since = self._since.pop(work, None)
        if since is not None:
            logger.warning("the database answers again, %s failed for %.0f s", work, monotonic() - since)
