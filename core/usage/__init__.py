"""Usage: events, the ledger, and the rollups that meters read."""
