"""Use cases of operators and back ends: put licenses and contracts, grant and request credits, import files."""
