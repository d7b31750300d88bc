"""The rule by which a contract version is in force on a day. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import zip_longest
from typing import Generic, NamedTuple, TypeVar

from core.licenses.tables import ContractVersion

V = TypeVar("V", bound=ContractVersion)


class InForce(NamedTuple, Generic[V]):
    """A contract version that is in force from the day `first` up to, but not including, `end`; None if for ever."""

    version: V
    first: date
    end: date | None


def newest_version(versions: Iterable[V], day: date) -> V | None:
    """Return the newest of the versions with the latest date not after the day, ended or not; None if there is none."""
    begun = [version for version in versions if version.effective_from <= day]
    return max(begun, key=lambda version: (version.effective_from, version.version), default=None)


def version_in_force(versions: Iterable[V], day: date) -> V | None:
    """Return the version in force on a day, or None if no contract is in force.

    The newest version decides. Once it has ended, no contract is in force: no earlier version comes back.
    """
    newest = newest_version(versions, day)
    return None if newest is None or (newest.end is not None and newest.end <= day) else newest


def days_in_force(versions: Iterable[V]) -> Iterator[InForce[V]]:
    """Yield each version with the days on which it is in force, in their order. Others took the place of the rest."""
    ordered = sorted(versions, key=lambda version: (version.effective_from, version.version))
    for version, later in zip_longest(ordered, ordered[1:]):
        ends = [end for end in (version.end, later.effective_from if later else None) if end is not None]
        end = min(ends, default=None)
        if end is None or version.effective_from < end:
            yield InForce(version, version.effective_from, end)
