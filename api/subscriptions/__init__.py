"""GraphQL over connections that stay open: WebSocket and server-sent events."""
