"""Delivery of messages: the outbox and its channels."""
