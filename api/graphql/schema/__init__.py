"""The GraphQL schema, a folder for each domain."""
