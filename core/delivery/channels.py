"""Names of the channels over which messages are delivered. A worker sends the deliveries of each channel."""

from typing import Final

EMAIL: Final = "email"
"""A delivery's `recipient` is an e-mail address."""
WEBHOOK: Final = "webhook"
"""A delivery's `recipient` is the id of a webhook endpoint of the license."""
NOTIFIER: Final = "notifier"
"""A delivery's `recipient` is the key of a partner's notifier."""
CHANNELS: Final = (EMAIL, WEBHOOK, NOTIFIER)
"""All channels. A delivery of any other channel is never sent."""
