"""The outbox: messages and deliveries as rows, claimed by one worker at a time."""
