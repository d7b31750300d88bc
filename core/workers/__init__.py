"""Workers: threads that refresh, deliver and tidy."""
