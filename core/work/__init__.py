"""Background work: the queue of record, the broker that announces, the workers that take."""
