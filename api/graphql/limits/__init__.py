"""Limits of GraphQL documents: size, depth, aliases, cost, time."""
