"""The kinds of messages: what is told, by the names that receivers choose by."""

from typing import Final

CROSSED: Final = "threshold.crossed"
"""Thresholds were crossed."""
RECOVERED: Final = "threshold.recovered"
"""Thresholds that were crossed are not any more."""
CREDITS_EXPIRING: Final = "credits.expiring"
"""Credits that are left expire soon."""
CREDITS_REQUESTED: Final = "credits.requested"
"""Somebody asks the operators for credits."""
TEST: Final = "webhook.test"
"""Somebody tries an endpoint; nobody else is told."""

KINDS: Final = (CROSSED, RECOVERED, CREDITS_EXPIRING, CREDITS_REQUESTED)
"""All that receivers can choose from."""
