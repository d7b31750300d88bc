"""The front door: HTTP, GraphQL and the page to try them on."""
