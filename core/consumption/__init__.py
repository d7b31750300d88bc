"""What was consumed: readings, statuses, snapshots, history."""
