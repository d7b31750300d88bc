"""Consumption in the schema: sections, readings, history, warnings."""
