"""Explaining: the usage explorer, which shows usage over time by entity and dimension."""
