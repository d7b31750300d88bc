"""The kinds of rows that are exported, with their columns, and the places between rows."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias


class ExportKind(StrEnum):
    """A kind of rows that are exported."""

    HISTORY = "history"
    USAGE = "usage"
    ALERTS = "alerts"
    READINGS = "readings"
    COMMITMENTS = "commitments"


class JsonText(str):
    """A text that is JSON already."""

    __slots__ = ()


Value: TypeAlias = str | int | Decimal | date | datetime | None

COLUMNS: Final[Mapping[ExportKind, Sequence[str]]] = {
    ExportKind.HISTORY: ("license", "day", "at", "meter", "used", "limit", "status", "cursor"),
    ExportKind.USAGE: ("license", "day", "event", "entity", "dimensions", "kind", "amount", "cursor"),
    ExportKind.ALERTS: (
        *("license", "id", "meter", "period_first", "period_end", "ratio", "limit", "used", "status", "basis"),
        *("contract_version", "crossed_at", "found_at", "recovered_at", "cursor"),
    ),
    ExportKind.READINGS: (
        *("license", "section", "meter", "unit", "used", "limit", "status", "freshness", "period_first", "period_end"),
        *("measured_at", "cursor"),
    ),
    # The columns of the dataset Contract Commitment of FOCUS 1.3, in its order, and ours, which FOCUS wants last.
    ExportKind.COMMITMENTS: (
        *("BillingCurrency", "ContractCommitmentCategory", "ContractCommitmentCost", "ContractCommitmentDescription"),
        *("ContractCommitmentId", "ContractCommitmentPeriodEnd", "ContractCommitmentPeriodStart"),
        *("ContractCommitmentQuantity", "ContractCommitmentType", "ContractCommitmentUnit"),
        *("ContractId", "ContractPeriodEnd", "ContractPeriodStart"),
        *("x_License", "x_Meter", "x_ContractVersion", "x_ContractEndsOn", "x_Cursor"),
    ),
}


class Position(NamedTuple):
    """The position of a row among the rows of its license and kind, which are in the order of their positions.

    History and alerts are in the order of time, in microseconds since 1970, and then of meters or ids. Usage is in the
    order of series and then of days, readings in that of meters, commitments in that of contract versions, meters and
    days.
    """

    number: int
    text: str


START: Final = Position(0, "")
"""The position before all rows."""


class Place(NamedTuple):
    """A place behind a row of a license; without a position it is behind all its rows."""

    license: str
    position: Position | None


PositionedRow: TypeAlias = tuple[Position, Sequence[Value]]
"""A row without its cursor, and its position."""
