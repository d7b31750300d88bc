"""Credits: grants that expire, and requests for more."""
