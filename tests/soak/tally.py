"""An independent count: plain Python over what was acknowledged, to be held against what the database says."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

ZONES = {"acme": "Europe/Brussels", "globex": "Asia/Kathmandu", "initech": "America/St_Johns", "umbrella": "UTC"}
"""The licenses that usage is sent of, and their time zones."""

Cell: TypeAlias = tuple[str, str, str, str, date]
"""A license, an event type, an entity, dimensions, and a day there."""
Newest: TypeAlias = tuple[datetime, str, str, int]
"""When a level was said, by whom, under which id, and how much in billionths."""

_BILLION = 10**9


@dataclass
class Tally:
    """How many events of a source were acknowledged, and what they come to, in billionths."""

    events: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sums: dict[Cell, tuple[int, int]] = field(default_factory=dict)
    levels: dict[Cell, Newest] = field(default_factory=dict)

    def add(self, event: Mapping[str, Any], billionths: int) -> None:
        license, data = event["subject"], event["data"]
        time = datetime.fromisoformat(event["time"])
        dimensions = data.get("dimensions")
        cell: Cell = (
            license,
            event["type"],
            data.get("entity", ""),
            orjson.dumps(dimensions, option=orjson.OPT_SORT_KEYS).decode() if dimensions else "",
            time.astimezone(ZoneInfo(ZONES[license])).date(),
        )
        self.events[event["source"]] += 1
        if "value" in data:
            said = (time, event["source"], event["id"], billionths)
            self.levels[cell] = max(self.levels.get(cell, said), said)
        else:
            total, count = self.sums.get(cell, (0, 0))
            self.sums[cell] = total + billionths, count + 1

    def join(self, other: "Tally") -> None:
        """Add what was counted elsewhere, of other sources."""
        for source, count in other.events.items():
            self.events[source] += count
        for cell, (more, events) in other.sums.items():
            total, count = self.sums.get(cell, (0, 0))
            self.sums[cell] = total + more, count + events
        for cell, said in other.levels.items():
            self.levels[cell] = max(self.levels.get(cell, said), said)


def recorded(connection: Connection) -> Tally:
    """The same as the ledger and the rollups say it."""
    tally = Tally()
    for source, events in connection.execute(sa.text("SELECT source, count(*) FROM usage_event GROUP BY source")):
        tally.events[source] = events
    series = "JOIN usage_series AS s ON s.id = k.series_id JOIN license AS l ON l.id = k.license_id"
    name = "l.key, s.event, s.entity, s.dimensions, CAST(k.day AS text)"
    for *cell, whole, nanos, events in connection.execute(
        sa.text(
            f"SELECT {name}, sum(k.whole), sum(k.nanos), sum(k.events) FROM usage_sum AS k {series} "  # noqa: S608
            "GROUP BY l.key, s.event, s.entity, s.dimensions, k.day"
        )
    ):
        tally.sums[_cell(cell)] = int(whole) * _BILLION + int(nanos), int(events)
    for *cell, whole, nanos, time, source, id in connection.execute(
        sa.text(
            f"SELECT {name}, k.whole, k.nanos, k.time, k.source, k.event_id FROM usage_level AS k {series}"  # noqa: S608
        )
    ):
        at = datetime.fromtimestamp(time // 10**6, ZoneInfo("UTC")).replace(microsecond=time % 10**6)
        tally.levels[_cell(cell)] = at, source, id, whole * _BILLION + nanos
    return tally


def differences(ours: Tally, theirs: Tally) -> list[str]:
    """Where two counts do not say the same."""
    pairs: list[tuple[Mapping[Any, object], Mapping[Any, object]]] = [
        (ours.events, theirs.events),
        (ours.sums, theirs.sums),
        (ours.levels, theirs.levels),
    ]
    return [
        f"{key}: {mine.get(key)} were acknowledged, {other.get(key)} recorded"
        for mine, other in pairs
        for key in sorted(mine.keys() | other.keys())
        if mine.get(key) != other.get(key)
    ]


def _cell(parts: list[str]) -> Cell:
    license, event, entity, dimensions, day = parts
    return license, event, entity, dimensions, date.fromisoformat(day)
