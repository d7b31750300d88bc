"""The nearest known name, for messages about an unknown name."""

from collections.abc import Iterable

NEAR = 70
"""The least similarity, of 100, at which a suggestion helps more than it confuses."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` with a leading space, or an empty text if no known name is near."""
    from rapidfuzz import process  # noqa: PLC0415 - most processes make no suggestion

    nearest = process.extractOne(name[:200], list(known), score_cutoff=NEAR)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
