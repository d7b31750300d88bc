"""Access: API keys, scopes, authentication and rates."""
