"""The query of an export, and its check."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from core.errors import BadInput
from core.exports.cursor import read_cursor
from core.exports.rows import ExportKind, Place
from core.licenses.load import LoadedLicense
from core.nearest import did_you_mean
from core.text import shown

_EARLIEST: Final = date(1970, 1, 2)
_LATEST: Final = date(9890, 12, 31)


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """An export: of one license or, without a key, of all, from the first to the last day in the license's time zone.

    It begins behind the place `after`, if there is one.
    """

    kind: ExportKind
    license: str | None
    first: date
    last: date
    after: Place | None

    def instants(self, license: LoadedLicense) -> tuple[datetime, datetime]:
        """Return the first and the last instant of the days of a license."""
        return license.start_of(self.first), license.end_of(self.last)


def check_query(
    kind: str, license: str | None, first: date | None, last: date | None, after: str | None
) -> ExportQuery:
    """Return the query of an export.

    Args:
        kind: The name of the kind.
        license: The key of the license; None for all licenses.
        first: The first day; None for all days before the last one.
        last: The last day; None for all days after the first one.
        after: The cursor behind which the export goes on; None from the beginning.

    Raises:
        BadInput: There is no such kind, the days are in the wrong order, or the kind has no days.
        BadCursor: The cursor is not one of this export.
    """
    if kind not in list(ExportKind):
        kinds = [each.value for each in ExportKind]
        raise BadInput(f"No export {shown(kind)}.{did_you_mean(kind, kinds)} Exports are {', '.join(kinds)}.")
    known = ExportKind(kind)
    if known is ExportKind.READINGS and (first or last):
        raise BadInput("Readings are those of this moment. Leave out `from` and `to`, or export the history.")
    first, last = first or _EARLIEST, last or _LATEST
    if first > last:
        raise BadInput(f"The export would begin on {first}, after its last day, {last}. Name an earlier first day.")
    if first < _EARLIEST or last > _LATEST:
        raise BadInput(f"Days of an export are from {_EARLIEST} to {_LATEST}.")
    return ExportQuery(known, license, first, last, None if after is None else read_cursor(known, license, after))
