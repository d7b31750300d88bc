"""The breakdown of a reading by the dimensions that its meter declares."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from allowance.events import Dimension
from allowance.exact import exact
from allowance.reading import MAX_SHARES, Share

_OTHERS: Final = "…"


def shares(by: Sequence[Dimension], used: Callable[[str], Mapping[str, Decimal]]) -> tuple[Share, ...]:
    """A share for each value of each dimension, declared values first and in their order, also where zero.

    `used` gives what was used by the values of a dimension.
    """
    return tuple(
        share
        for dimension in by
        for found in [used(dimension.key)]
        for share in at_most(
            MAX_SHARES // len(by),
            [
                Share(dimension.key, key, label, found.get(key, Decimal(0)))
                for key, label in labels(dimension, found).items()
            ],
        )
    )


def at_most(count: int, shares: Sequence[Share]) -> tuple[Share, ...]:
    """The shares of one dimension, the smallest of more than `count` added up as one.

    Anybody who sends events can make up values of an open dimension; the reading must stand all the same.
    """
    if len(shares) <= count:
        return tuple(shares)
    by_size = sorted(shares, key=lambda share: (share.key != _OTHERS, share.used), reverse=True)
    kept = {share.key for share in by_size[: count - 1]}
    with exact():
        rest = sum((share.used for share in by_size[count - 1 :]), Decimal(0))
    others = Share(shares[0].dimension, _OTHERS, "All others", rest)
    return (*(share for share in shares if share.key in kept), others)


def labels(dimension: Dimension, found: Iterable[str]) -> dict[str, str]:
    """What to call each value: the declared ones, then those found besides, by name."""
    return dict(dimension.values) | {
        key: key or "Not specified" for key in sorted(found) if key not in dimension.values
    }
