"""The contract report as a page for paper: answers of the GraphQL API, rendered without any script."""
