"""Exports: usage, history, alerts and readings as rows for other programs, in pages of bounded size."""
