"""The common kinds of meters, each of which is declared in a few lines."""
