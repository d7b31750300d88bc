"""Benchmarks: each prints ratios to a yardstick of the same run on the same machine. See docs/performance.md."""
