"""The batch of the webhook endpoints of one license."""

from collections.abc import Sequence
from datetime import datetime

from api.graphql.context import Context
from core.delivery.webhooks.log import LoggedDelivery, list_deliveries
from core.delivery.webhooks.tables import WebhookEndpoint


class EndpointBatch:
    """The endpoints of a license that are shown together. Their delivery logs are read at once."""

    def __init__(self, context: Context, license_id: int, rows: Sequence[WebhookEndpoint]) -> None:
        """Make a batch of endpoints of one license."""
        self.rows = rows
        self._context = context
        self._license_id = license_id
        self._deliveries: dict[object, dict[str, list[LoggedDelivery]]] = {}

    def deliveries(self, endpoint: str, most: int, after: tuple[datetime, str] | None) -> list[LoggedDelivery]:
        """Return deliveries to one endpoint, newest first; those to the other endpoints are read along."""
        query = (most, after)
        if query not in self._deliveries:
            ids = [row.id for row in self.rows]
            self._deliveries[query] = list_deliveries(
                self._context.session, self._license_id, ids, most=most, after=after
            )
        return self._deliveries[query].get(endpoint, [])
