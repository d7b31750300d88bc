"""Exports: usage, history, alerts, readings and commitments as rows for other programs, in pages of bounded size."""
