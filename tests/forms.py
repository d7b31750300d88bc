"""The forms of the suite: the whole of it, with ``--short`` each behaviour once and in short, with ``--rest`` the rest.

In the short form a test that has a database runs on one of the two, and a test that has a broker over one of the two. A
checksum of the test's name chooses, so that each database has half of the tests, the same in each run. Properties are
tried on a tenth of the examples, and tests that take `long_form` have less of the same to do: fewer kills, a shorter
flood.

The marker ``long`` leaves a test to the whole of the suite, and `long` leaves one set of its parameters: soaks, floods,
further kills of one kind, further runs of a program that is slow to start. Of each kind, one test stays in the short
form.

``--rest`` makes a run beside the short form a whole, and does little twice: it runs all that the short form leaves out,
and in full what that does in short, unless it runs it in full on the other database anyway. It runs after each change,
with other examples each time, so it tries properties on four tenths of the examples, and leaves out what the marker
``whole`` leaves to the whole of the suite: sizes that take minutes, of which a smaller one is in the rest.
"""

from collections import defaultdict
from collections.abc import Sequence
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from tests.services.plugin import missing_services

ALTERNATIVES = {"sqlite", "postgresql", "redis", "rabbitmq"}
SHARED = {"library"}
"""Fixtures that the tests of a file share. For these the name of the file chooses, so that there is one of each."""

# Hypothesis builds its table of characters on first use, inside a draw, and other tests take the processors meanwhile.
# Fixtures that a test's examples share are meant.
settings.register_profile(
    "long",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.register_profile("short", settings.get_profile("long"), max_examples=10)
settings.register_profile("rest", settings.get_profile("long"), max_examples=40)
settings.load_profile("long")


def examples(number: int) -> settings:
    """Return the settings of a property that is tried on so many examples in the long form, and on fewer in short."""
    tried = number * settings().max_examples // settings.get_profile("long").max_examples
    return settings(max_examples=max(tried, 3))


def long(*values: object) -> object:
    """Return a set of parameters with which a test runs in the long form alone."""
    return pytest.param(*values, marks=pytest.mark.long)


def whole(*values: object) -> object:
    """Return a set of parameters with which a test runs in the whole of the suite alone."""
    return pytest.param(*values, marks=[pytest.mark.long, pytest.mark.whole])


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("allowance")
    group.addoption(
        "--short", action="store_true", help="Run tests once, on one database, and leave out those marked as long."
    )
    group.addoption(
        "--rest", action="store_true", help="Run what --short leaves out, and in full what it does in short."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: leave the test out of the short form of the suite (--short).")
    config.addinivalue_line("markers", "whole: leave the test out of the short form and of the rest (--rest).")
    short, rest = config.getoption("--short"), config.getoption("--rest")
    settings.load_profile("short" if short else "rest" if rest else "long")


@pytest.fixture(scope="session")
def long_form(pytestconfig: pytest.Config) -> bool:
    """Whether the test is to do all that it has to do."""
    return not pytestconfig.getoption("--short")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    short, rest = config.getoption("--short"), config.getoption("--rest")
    if not short and not rest:
        return
    variants = _variants(items)
    once = {_choose(name, same).nodeid for name, same in variants.items()}
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        has_more = _has_more(item) and len(variants[_name(item)]) == 1
        in_rest = (item.nodeid not in once or has_more) and item.get_closest_marker("whole") is None
        runs = item.nodeid in once if short else in_rest
        (kept if runs else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def _variants(items: Sequence[pytest.Item]) -> dict[str, list[pytest.Item]]:
    """Return the tests of the short form with their alternatives, by their names without these."""
    variants: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("long") is None:
            variants[_name(item)].append(item)
    return variants


def _has_more(item: pytest.Item) -> bool:
    """Return whether the test does less in the short form than in full."""
    return "long_form" in getattr(item, "fixturenames", ()) or hasattr(getattr(item, "obj", None), "hypothesis")


def _name(item: pytest.Item) -> str:
    """Return the test's name without the alternatives that it is one of."""
    test, _, parameters = item.nodeid.partition("[")
    return f"{test}[{'-'.join(each for each in parameters.rstrip(']').split('-') if each not in ALTERNATIVES)}"


def _choose(name: str, variants: Sequence[pytest.Item]) -> pytest.Item:
    """Return one of the variants of a test, if possible one whose services are there."""
    possible = [item for item in variants if not missing_services(item)] or variants
    shared = SHARED.intersection(getattr(possible[0], "fixturenames", ()))
    return possible[crc32((str(possible[0].path.name) if shared else name).encode()) % len(possible)]
