"""Prints the SDL: ``python -m api.schema > api/schema.graphql``."""

import sys

from api.schema.build import schema

sys.stdout.write(schema.as_str() + "\n")
