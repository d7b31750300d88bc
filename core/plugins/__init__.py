"""Plugins: load partners' contributions, and run their code apart."""
