"""Readings as they are judged, stored and shown."""
