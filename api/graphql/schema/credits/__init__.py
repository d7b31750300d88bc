"""Credits in the schema: grants and requests."""
