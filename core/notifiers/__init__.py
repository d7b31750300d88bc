"""Partners' notifiers, as a channel of the outbox."""
