"""Hard quotas in the schema: check-ins and installations."""
