"""The database: engine, column types, statements that differ by dialect."""
