"""Memory does not grow with a file, whatever is in it."""

import gzip
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.core.usage.files.reading import opened

MOST = 8 * 2**20


def peak(file: Path) -> int:
    """The most memory that Python held while the file was read."""
    with opened(file) as events:
        tracemalloc.start()
        for _ in events.rows(0):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.csv.gz"])
@pytest.mark.parametrize("part", [b" ", b'"', b"x,"], ids=["one line", "quotes", "cells"])
def test_text_that_never_ends_is_read_in_bounded_memory(tmp_path: Path, name: str, part: bytes) -> None:
    file = tmp_path / name
    with gzip.open(file, "wb", 1) as out:
        out.write(b"id,source,type,license\n")
        for _ in range(40):
            out.write(part * (2**20 // len(part)))
    assert peak(file) < MOST


@pytest.mark.long
def test_a_row_group_is_read_bit_by_bit(tmp_path: Path) -> None:
    file, count = tmp_path / "a.parquet", 300_000
    table = pa.table(
        {
            "id": [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number:016x}" for number in range(count)],
            **dict.fromkeys(("source", "type", "license"), ["x"] * count),
        }
    )
    parquet.write_table(table, file, row_group_size=count)
    size = table.nbytes
    assert size > 10 * 2**20
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    del table
    pa.set_memory_pool(pool)
    try:
        assert peak(file) < MOST
        assert 0 < pool.max_memory() < size / 2
    finally:
        pa.set_memory_pool(pa.system_memory_pool())
