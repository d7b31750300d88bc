"""The queue of record: refresh runs as rows, when they are due, and which worker holds them."""
