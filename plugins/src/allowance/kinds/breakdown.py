"""The breakdown of a reading by the dimensions that its meter declares."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from allowance.events import ENTITY, Dimension
from allowance.exact import exact
from allowance.reading import MAX_SHARES, Share
from allowance.usage import Usage

_OTHERS: Final = "…"


def shares(by: Sequence[Dimension], usage: Usage, used: Callable[[str], Mapping[str, Decimal]]) -> tuple[Share, ...]:
    """Return a share for each value of each dimension.

    Args:
        by: The dimensions of the breakdown.
        usage: The usage, which knows the labels of entities.
        used: A function that returns the usage by the values of the dimension with that key.

    Returns:
        The shares by dimension: first the declared values in their order, also without usage, then the others by
        name. At most MAX_SHARES in all.
    """
    return tuple(
        share
        for dimension in by
        for amounts in [used(dimension.key)]
        for share in at_most(
            MAX_SHARES // len(by),
            [
                Share(dimension.key, key, label, amounts.get(key, Decimal(0)))
                for key, label in labels(dimension, amounts, usage).items()
            ],
        )
    )


def at_most(count: int, shares: Sequence[Share]) -> tuple[Share, ...]:
    """Return at most `count` shares of one dimension; the smallest shares are added up as "All others" if needed.

    A sender of events can invent any number of values of an open dimension. The reading must stay valid nevertheless.
    """
    if len(shares) <= count:
        return tuple(shares)
    by_size = sorted(shares, key=lambda share: (share.key != _OTHERS, share.used), reverse=True)
    largest = {share.key for share in by_size[: count - 1]}
    with exact():
        rest = sum((share.used for share in by_size[count - 1 :]), Decimal(0))
    others = Share(shares[0].dimension, _OTHERS, "All others", rest)
    return (*(share for share in shares if share.key in largest), others)


def labels(dimension: Dimension, used: Iterable[str], usage: Usage) -> dict[str, str]:
    """Return the label of each value: first the declared values, then the other values in `used`, by name."""
    label_of = usage.label_of if dimension.key == ENTITY.key else str
    others = {key: label_of(key) or "Not specified" for key in sorted(used) if key not in dimension.values}
    return dict(dimension.values) | others
