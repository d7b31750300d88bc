"""Licenses and their contract versions, as everything else loads them."""
