"""HTTP plumbing: requests, bodies, callers, the server."""
