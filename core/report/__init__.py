"""Contract reports: what a contract committed, what was used of it, and what the next one should commit."""
