"""Consumption: readings judged against limits, their snapshots and their history."""
