"""The quota states that a process holds between check-ins."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from math import inf
from threading import Lock
from typing import Final

from allowance import Admission

from core.admission.check_in import QuotaKey
from core.admission.quota_state import QuotaState, load_quota_states
from core.database.engine import Database


class QuotaStates:
    """Quota states by license and meter, as last read. Thread-safe."""

    def __init__(self, database: Database, meters: Mapping[str, Admission]) -> None:
        """Create an empty holder for the quotas of these meters."""
        self._database: Final = database
        self._meters: Final = meters
        self._states: Final[dict[QuotaKey, QuotaState]] = {}
        self._lock: Final = Lock()

    def __getitem__(self, key: QuotaKey) -> QuotaState:
        """Return the state as last read, however long ago."""
        return self._states[key]

    def get(self, key: QuotaKey) -> QuotaState | None:
        """Return the state as last read, however long ago; None for an unknown license."""
        return self._states.get(key)

    def fresh(self, key: QuotaKey, now: datetime) -> QuotaState | None:
        """Return the state if it was read within the last second and its window has not turned; otherwise None."""
        state = self._states.get(key)
        return state if state is not None and state.is_fresh(now) else None

    def is_refused(self, key: QuotaKey) -> bool:
        """Return whether every check-in is refused, by the state as last read."""
        return self._states[key].quota.refusal is not None

    def forget(self, license: str) -> None:
        """Count the states of a license as not fresh."""
        with self._lock:
            for key, state in self._states.items():
                if key[0] == license:
                    self._states[key] = replace(state, read_at=-inf)

    def refresh_stale(self, keys: Collection[QuotaKey], now: datetime) -> None:
        """Read the states that are not fresh."""
        self.refresh({key for key in keys if self.fresh(key, now) is None}, now)

    def refresh(self, keys: Collection[QuotaKey], now: datetime) -> None:
        """Read the states of these quotas. Licenses that do not exist are dropped."""
        if not keys:
            return
        states = load_quota_states(self._database, keys, self._meters, now)
        with self._lock:
            for key in keys:
                if key in states:
                    self._states[key] = states[key]
                else:
                    self._states.pop(key, None)

    def record_used(self, key: QuotaKey, used: int) -> QuotaState:
        """Raise the number of places taken to `used`, and return the state."""
        with self._lock:
            state = self._states[key]
            self._states[key] = state = replace(state, used=max(state.used, used))
        return state
