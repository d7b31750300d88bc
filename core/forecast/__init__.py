"""Forecasts: where the usage of a meter is going until its period ends, with a range and its past misses."""
