"""The database: engine, column types, statements that differ by dialect, and helpers for statements of many rooms."""
