"""Licenses in the schema."""
