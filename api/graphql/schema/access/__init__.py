"""API keys in the schema."""
