"""The kinds of messages, by the names that recipients choose by."""

from typing import Final

CROSSED: Final = "threshold.crossed"
"""Thresholds were crossed."""
RECOVERED: Final = "threshold.recovered"
"""Thresholds that were crossed are not crossed any more."""
REOPENED: Final = "threshold.reopened"
"""Thresholds are crossed again in the same period and limit, after their recovery. Nobody gets an e-mail again."""
FORECAST_CROSSED: Final = "forecast.crossed"
"""Forecasts have reached ratios of limits."""
FORECAST_RECOVERED: Final = "forecast.recovered"
"""Forecasts are clear of ratios that they had reached. Nobody gets an e-mail."""
CREDITS_EXPIRING: Final = "credits.expiring"
"""Credits expire soon, and some are left."""
CREDITS_REQUESTED: Final = "credits.requested"
"""A license requests credits from the operators."""
CREDITS_DECLINED: Final = "credits.declined"
"""An operator declined a request for credits."""
TEST: Final = "webhook.test"
"""A test of a webhook endpoint, which only that endpoint receives."""

KINDS: Final = (
    CROSSED,
    RECOVERED,
    REOPENED,
    FORECAST_CROSSED,
    FORECAST_RECOVERED,
    CREDITS_EXPIRING,
    CREDITS_REQUESTED,
    CREDITS_DECLINED,
)
"""The kinds that recipients can choose from."""
