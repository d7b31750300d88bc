"""The engine of Allowance; it knows no HTTP and no GraphQL."""
