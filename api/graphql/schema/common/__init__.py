"""Parts that all domains of the schema use."""
