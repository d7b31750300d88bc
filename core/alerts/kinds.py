"""The kinds of messages: what is told, by the names that receivers choose by."""

from typing import Final

CROSSED: Final = "threshold.crossed"
"""Thresholds were crossed."""
RECOVERED: Final = "threshold.recovered"
"""Thresholds that were crossed are not any more."""
TEST: Final = "webhook.test"
"""Somebody tries an endpoint; nobody else is told."""

KINDS: Final = (CROSSED, RECOVERED)
"""All that receivers can choose from."""
