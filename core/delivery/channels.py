"""Names of the channels over which messages are delivered."""

from typing import Final

EMAIL: Final = "email"


WEBHOOK: Final = "webhook"


NOTIFIER: Final = "notifier"
