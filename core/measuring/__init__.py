"""Contained measuring: a meter that raises, hangs, lies or eats memory costs its own reading and nothing else."""
