"""The seed of everything that is random in a run: printed at its start, and beside each failure.

``pytest --hypothesis-seed=N`` repeats a run's choices, those of hypothesis and those of tests that take `random_seed`.
"""

from random import Random
from zlib import crc32

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed unless it is given. Workers of the run are given the options of their controller."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(Random().randrange(2**32))  # noqa: S311 - nothing is to be kept secret


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: repeat with --hypothesis-seed={config.option.hypothesis_seed}"


@pytest.fixture
def random_seed(request: pytest.FixtureRequest) -> int:
    """A seed for the test, which pytest shows if it fails."""
    run = request.config.option.hypothesis_seed
    seed = crc32(f"{run} {request.node.nodeid}".encode())
    print(f"The seed of the test is {seed}, from --hypothesis-seed={run}.")  # noqa: T201
    return seed


@pytest.fixture
def random(random_seed: int) -> Random:
    """Random choices for the test, repeated by the seed of the run."""
    return Random(random_seed)  # noqa: S311 - nothing is to be kept secret
