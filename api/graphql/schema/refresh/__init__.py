"""Refreshes in the schema."""
