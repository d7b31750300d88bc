"""The memory of prepared documents: counted at least as high as it is, and free once a document is dropped."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from api.graphql.limits.limits import limits_from
from api.graphql.operations.prepare import Preparer
from core.settings import Settings

DENSE = {
    "aliases": "query q%d{" + " ".join(f"a{n}:consumption{{status}}" for n in range(25)) + "}",
    "nested": "query q%d{consumption{"
    + " ".join(f"s{n}:sections{{key status readings{{used limit status}}}}" for n in range(40))
    + "}}",
    "flat": "query q%d{licenses{edges{node{" + " ".join(["key name id timeZone"] * 60) + "}}}}",
    "fragments": "query q%d{consumption{" + "...f" * 200 + "}} fragment f on Consumption{status}",
    "short": "{b%d:viewer{__typename}}",
}
NUMBER = 10


@pytest.fixture
def preparer() -> Iterator[Preparer]:
    """A preparer whose cache drops nothing by itself; Python looks for garbage only when it is told to."""
    gc.disable()
    yield Preparer(limits_from(Settings()))
    gc.enable()


def prepare(preparer: Preparer, text: str, number: int) -> int:
    document = preparer.prepare(text % number)
    assert document.operation(None).plan
    return document.size


@pytest.mark.parametrize("text", DENSE.values(), ids=DENSE)
def test_a_document_takes_no_more_memory_than_is_counted(preparer: Preparer, text: str) -> None:
    prepare(preparer, text, 1)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        counted = sum(prepare(preparer, text, 10 + number) for number in range(NUMBER))
        gc.collect()  # of what parsing and validating left
        assert tracemalloc.get_traced_memory()[0] - before <= counted
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", DENSE.values(), ids=DENSE)
def test_a_document_that_is_dropped_leaves_nothing_to_the_search_for_garbage(preparer: Preparer, text: str) -> None:
    for number in range(NUMBER):
        prepare(preparer, text, 10 + number)
    gc.collect()
    del preparer._cached
    assert gc.collect() < NUMBER
