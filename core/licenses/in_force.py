"""The rule by which a contract version is in force on a day. Pure."""

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from core.licenses.tables import ContractVersion

V = TypeVar("V", bound=ContractVersion)


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
