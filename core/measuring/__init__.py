"""Measuring: load usage, ask the meters, keep checkpoints of usage."""
