"""Licenses, their contracts and grants."""
