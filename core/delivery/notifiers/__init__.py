"""The channel of partners' notifiers."""
