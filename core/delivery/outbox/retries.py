"""The number of attempts of a delivery, and the delays between them."""

from datetime import timedelta
from typing import Final

from dramatiq.common import compute_backoff

MOST_ATTEMPTS: Final = 20
"""Attempts after which a delivery is parked. With the delays between them they take more than a day."""
FIRST_DELAY: Final = timedelta(seconds=5)
LONGEST_DELAY: Final = timedelta(hours=6)


def retry_delay(attempts: int) -> timedelta:
    """Return the delay after so many attempts: doubled with each, with jitter, six hours at the most."""
    _, milliseconds = compute_backoff(
        attempts - 1,
        factor=FIRST_DELAY // timedelta(milliseconds=1),
        max_backoff=LONGEST_DELAY // timedelta(milliseconds=1),
    )
    return timedelta(milliseconds=milliseconds)
