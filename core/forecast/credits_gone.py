"""The day on which the last credit is gone, spent or expired, on a path of spending. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from core.forecast.forecast import Exceeding, ForecastPoint

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class CreditsLeft(NamedTuple):
    """The rest of a grant; `begins_at` is None if it has begun, `expires_at` if it never expires."""

    amount: float
    expires_at: datetime | None = None
    begins_at: datetime | None = None


def credits_gone(path: Sequence[ForecastPoint], grants: Sequence[CreditsLeft]) -> Exceeding:
    """Return when the last credit is gone: expected, and the earliest and latest by the range of the path.

    Entities are not told apart: a grant to one of them counts as a grant to all.

    Args:
        path: The spending, as the points of a forecast.
        grants: What is left of each grant, also of those that begin later.
    """
    times = [point.at for point in path]
    latest, earliest = (
        _gone(times, [point.low for point in path], grants),
        _gone(times, [point.high for point in path], grants),
    )
    if latest is None:
        return Exceeding(earliest=earliest)
    return Exceeding(_expected(path, grants), earliest, latest)


def spends_all(path: Sequence[ForecastPoint], grants: Sequence[CreditsLeft], by: datetime) -> bool:
    """Return whether the last credit is expected to be spent by an instant, and not to expire before that.

    Args:
        path: The spending, as the points of a forecast.
        grants: What is left of each grant, also of those that begin later.
        by: The instant.
    """
    gone = _expected(path, grants)
    return gone is not None and gone <= by and all(gone != grant.expires_at for grant in grants)


def _expected(path: Sequence[ForecastPoint], grants: Sequence[CreditsLeft]) -> datetime | None:
    return _gone([point.at for point in path], [point.expected for point in path], grants)


def _gone(times: Sequence[datetime], spent: Sequence[float], grants: Sequence[CreditsLeft]) -> datetime | None:
    left = {index: grant.amount for index, grant in enumerate(grants)}
    order = sorted(left, key=lambda index: grants[index].expires_at or _NEVER)
    turns = {turn for grant in grants for turn in (grant.expires_at, grant.begins_at) if turn}
    now = times[0]
    if not any(left[index] for index in order if _is_valid(grants[index], now)):
        return None  # nothing to lose
    for begin, end, spending in _steps(times, spent, turns):
        unpaid = spending
        for index in order:
            if _is_valid(grants[index], begin):
                part = min(left[index], unpaid)
                left[index] -= part
                unpaid -= part
        valid = [index for index in order if left[index] and _is_valid(grants[index], begin)]
        if not valid:
            return begin + (end - begin) * (1 - unpaid / spending) if spending else end
        if not any(_is_valid(grants[index], end) for index in order if left[index]):
            return end
    return None


def _steps(
    times: Sequence[datetime], spent: Sequence[float], turns: Iterable[datetime]
) -> Iterable[tuple[datetime, datetime, float]]:
    """Yield the stretches between points and turns, each with what is spent in it."""
    for index in range(1, len(times)):
        first, last = times[index - 1], times[index]
        cuts = [first, *sorted(turn for turn in turns if first < turn < last), last]
        for begin, end in pairwise(cuts):
            yield begin, end, (spent[index] - spent[index - 1]) * ((end - begin) / (last - first))


def _is_valid(grant: CreditsLeft, at: datetime) -> bool:
    return (grant.begins_at is None or grant.begins_at <= at) and (grant.expires_at is None or at < grant.expires_at)
