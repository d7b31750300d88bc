"""What a benchmark found, and how its rounds are run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TypeVar

T = TypeVar("T")


class Scale(StrEnum):
    """How much is measured. QUICK: all benchmarks in a few minutes. NORMAL: each within one. FULL: as it will be."""

    QUICK = "quick"
    NORMAL = "normal"
    FULL = "full"

    def of(self, quick: T, normal: T, full: T) -> T:
        """What goes with this scale."""
        return {Scale.QUICK: quick, Scale.NORMAL: normal, Scale.FULL: full}[self]


class NotRun(Exception):
    """A benchmark cannot be run here; the message says why and what to do."""


@dataclass(frozen=True)
class Finding:
    """A figure of ours beside that of a yardstick, in the same `unit`, and the ratio between them in each round.

    `aim` is what the ratio, or what is said of it, should reach.
    """

    ours: str
    yardstick: str
    unit: str
    figures: tuple[float, float]
    ratios: Sequence[float]
    aim: str = ""

    @property
    def ratio(self) -> float:
        return median(self.ratios)


@dataclass(frozen=True)
class Remark:
    """Something measured beside the ratios that explains them."""

    text: str


Found = Finding | Remark


def interleaved(rounds: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Take each measure once a round, one after the other, so that what disturbs the machine disturbs all.

    A first round warms up and is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            figure = measure()
            if number:
                taken[name].append(figure)
    return taken


def compare(taken: Mapping[str, Sequence[float]], ours: str, yardstick: str, unit: str, aim: str = "") -> Finding:
    """The finding from two measures that were taken by :func:`interleaved`, which name what they are of."""
    pairs = list(zip(taken[ours], taken[yardstick], strict=True))
    figures = (median(taken[ours]), median(taken[yardstick]))
    return Finding(ours, yardstick, unit, figures, [one / other for one, other in pairs], aim)
