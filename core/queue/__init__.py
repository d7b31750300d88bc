"""The queue of record: which refresh is due, and which worker has it."""
