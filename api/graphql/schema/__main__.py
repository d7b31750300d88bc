"""Print the SDL of the schema: ``python -m api.graphql.schema > api/schema.graphql``."""

import sys

from api.graphql.schema.build import schema

sys.stdout.write(schema.as_str() + "\n")
