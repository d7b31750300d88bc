"""The queries: one line for each. Each resolver is in the folder of its domain."""

import strawberry

from api.graphql.schema import nodes
from api.graphql.schema.access import queries as access_queries
from api.graphql.schema.alerts import queries as alert_queries
from api.graphql.schema.consumption import queries as consumption_queries
from api.graphql.schema.credits import queries as credit_queries
from api.graphql.schema.deliveries import queries as delivery_queries
from api.graphql.schema.licenses import queries as license_queries
from api.graphql.schema.meters import queries as meter_queries
from api.graphql.schema.usage import queries as usage_queries
from api.graphql.schema.webhooks import queries as webhook_queries


@strawberry.type(description="The queries.")
class Query:
    viewer = access_queries.viewer
    consumption = consumption_queries.consumption
    usage = usage_queries.usage
    license = license_queries.license
    licenses = license_queries.licenses
    webhook_endpoints = webhook_queries.webhook_endpoints
    meters = meter_queries.meters
    plugins = meter_queries.plugins
    alerts = alert_queries.alerts
    open_credit_requests = credit_queries.open_credit_requests
    stuck_deliveries = delivery_queries.stuck_deliveries
    node = nodes.node
    nodes = nodes.nodes
