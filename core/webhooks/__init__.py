"""Webhooks: a license's messages, signed and sent to the endpoints that it names."""
