"""Usage events in the schema."""
