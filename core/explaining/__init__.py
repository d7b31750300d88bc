"""Explaining: the usage explorer, and the parts that a reading is made of."""
