"""Soak tests: usage at full rate for minutes while processes are killed, and an independent count at the end."""
