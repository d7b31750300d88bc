"""Usage events from files: NDJSON, CSV and Parquet."""
