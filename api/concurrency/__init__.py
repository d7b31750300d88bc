"""Threads and budgets that requests share."""
