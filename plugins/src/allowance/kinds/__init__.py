"""The common kinds of meters, each a declaration of a few lines."""
