"""Deliveries over every channel in the schema, for operators."""
