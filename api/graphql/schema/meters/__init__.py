"""Meters in the schema."""
