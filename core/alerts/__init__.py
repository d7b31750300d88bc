"""Crossed thresholds: recorded once, delivered surely."""
