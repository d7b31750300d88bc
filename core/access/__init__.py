"""Access: API keys, sessions, scopes, authentication and rates."""
