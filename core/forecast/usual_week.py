"""The usual week: what a meter uses from a day on, if its last eight weeks go on. Pure.

The weekdays get the parts of the week that they had in the last eight weeks, and the week as a whole its level, in
which newer weeks count more. statsforecast, prophet and river were weighed: they need 50 to 130 MB of packages, and on
the series of ``tests/bench/forecast.py`` a rule of this kind leaves little to gain.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

WEEK: Final = 7
WEEKS: Final = 8
"""Weeks that are looked at."""
_PROFILE: Final = [0.5 ** (age / 3) for age in range(WEEKS)]
_LEVEL: Final = [0.5**age for age in range(WEEKS)]
_PROFILE_SUMS: Final = list(accumulate(_PROFILE))
_LEVEL_SUMS: Final = list(accumulate(_LEVEL))


class UsualWeek:
    """The usual week of a meter as of a day, from the weeks before that day.

    Attributes:
        weeks: The usage of each week, newest first.
        level: The usage of the usual week. It is not negative if the usage is counted.
    """

    __slots__ = ("_day", "_part", "_shift", "_sums", "level", "weeks")

    def __init__(self, sums: Sequence[float], day: int, *, counted: bool) -> None:
        """Weigh the weeks before a day.

        Args:
            sums: The usage of the first 0, 1, 2, … days.
            day: The number of days before the first one that is forecast, at least :data:`WEEK`.
            counted: Whether the usage is counted. Levels can fall as well as rise.
        """
        number = min(WEEKS, day // WEEK)
        ends = [sums[day - WEEK * age] for age in range(number + 1)]
        self.weeks = [later - earlier for later, earlier in pairwise(ends)]
        level: float = sum(map(float.__mul__, self.weeks, _LEVEL)) / _LEVEL_SUMS[number - 1]
        self.level = max(level, 0.0) if counted else level
        weighted, weight = sum(map(float.__mul__, self.weeks, _PROFILE)), _PROFILE_SUMS[number - 1]
        if counted and weighted > 0:
            self._part, self._shift = self.level / weighted, 0.0
        else:
            self._part, self._shift = 1 / weight, (self.level - weighted / weight) / WEEK
        self._sums = sums
        self._day = day

    def ahead(self, days: int) -> float:
        """Return the usage of so many days from the day on."""
        whole, rest = divmod(days, WEEK)
        usage = whole * self.level
        if rest:
            sums, day = self._sums, self._day
            begins = range(day - WEEK, day - WEEK * len(self.weeks) - 1, -WEEK)
            same_days = sum(
                weight * (sums[begin + rest] - sums[begin]) for weight, begin in zip(_PROFILE, begins, strict=False)
            )
            usage += same_days * self._part + self._shift * rest
        return usage
