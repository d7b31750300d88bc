"""The subscriptions: one line for each. Each resolver is in the folder of its domain."""

import strawberry

from api.graphql.schema.consumption import queries as consumption_queries
from api.graphql.schema.licenses import queries as license_queries


@strawberry.type(description="The subscriptions, over WebSocket (graphql-transport-ws) or as server-sent events.")
class Subscription:
    consumption_changed = consumption_queries.consumption_changed
    licenses_changed = license_queries.licenses_changed
