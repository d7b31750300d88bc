"""Entities in the schema: closed and renamed."""
