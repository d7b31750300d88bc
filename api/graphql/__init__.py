"""GraphQL over HTTP: the endpoint, the schema and its limits."""
