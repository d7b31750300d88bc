"""Child processes that run partners' code, with a deadline and a memory limit."""
