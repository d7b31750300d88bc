"""GraphQL operations: parse, plan and execute."""
