"""The chart of a meter over the days of a report, as SVG. Pure.

Own code, since a library for charts (matplotlib, pygal were weighed) is far larger than these lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

WIDTH: Final = 640
HEIGHT: Final = 120
_HEADROOM: Final = 1.15
"""The part of the height that stays free above the highest value."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The shapes of a chart: usage as lines and areas, the limit as lines, and the peak as a point.

    `limit_top` is the height of the last limit.
    """

    lines: tuple[str, ...]
    areas: tuple[str, ...]
    limits: tuple[str, ...]
    peak: tuple[float, float] | None
    limit_top: float | None


def draw(curve: Sequence[Mapping[str, Any]]) -> Chart:
    """Return the chart of a curve; days without a value are gaps."""
    days = [date.fromisoformat(one["day"]) for one in curve]
    values = [one[name] for one in curve for name in ("demand", "limit") if one[name] is not None]
    highest = max(values, default=0) * _HEADROOM or 1
    length = max((days[-1] - days[0]).days, 1)
    lefts = [WIDTH * (day - days[0]).days / length for day in days]

    def runs(name: str) -> list[list[tuple[float, float]]]:
        found: list[list[tuple[float, float]]] = [[]]
        for left, one in zip(lefts, curve, strict=True):
            if one[name] is None:
                found.append([])
            else:
                found[-1].append((left, HEIGHT * (1 - max(one[name], 0) / highest)))
        return [run for run in found if run]

    used, limits = runs("demand"), runs("limit")
    points = [point for run in used for point in run]
    return Chart(
        tuple(map(_points, used)),
        tuple(_points([(run[0][0], HEIGHT), *run, (run[-1][0], HEIGHT)]) for run in used),
        tuple(map(_points, limits)),
        min(points, key=lambda point: point[1], default=None),
        limits[-1][-1][1] if limits else None,
    )


def _points(run: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{left:.1f},{top:.1f}" for left, top in run)
