"""Checks of the code base itself: its layers, its words, and the diagram of its rooms."""
