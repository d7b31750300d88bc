"""Usage events: read, recorded once, rolled up, loaded for the meters, recounted."""
