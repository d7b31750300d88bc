"""The schema, built from its queries, mutations and subscriptions."""

import strawberry
from graphql import GraphQLSchema

from api.graphql.framework import core_schema
from api.graphql.schema.common.scalars import CONFIG
from api.graphql.schema.mutations import Mutation
from api.graphql.schema.queries import Query
from api.graphql.schema.subscriptions import Subscription


class Schema(strawberry.Schema):
    """The schema. Operations on it are prepared and executed in :mod:`api.graphql.operations`."""

    @property
    def graphql(self) -> GraphQLSchema:
        """The schema as graphql-core knows it."""
        return core_schema(self)


schema = Schema(Query, Mutation, Subscription, config=CONFIG)
