"""Usage events from files: NDJSON, CSV and Parquet, of any size, each taken up again where it was stopped."""
