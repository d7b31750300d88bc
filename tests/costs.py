"""The processor time of a run of the tests, by phase, file, fixture and test: ``pytest -p tests.costs``.

Wall time says little on a machine that others use as well. Counted are the process of the tests with its threads, and
the processes that it started and has waited for: a server counts for the phase in which it is stopped.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import pytest

SHOWN = 25
"""How many lines of each table are shown, the dearest first."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Costs(config))


def _used() -> float:
    """Return the processor time in seconds of this process and of its children that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


class _Costs:
    """The sums of one process: of a worker, which reports them at its end, or of the whole run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._within: list[float] = []

    @contextmanager
    def _count(self, *names: str) -> Iterator[None]:
        """Add what the block uses to each of the sums."""
        before = _used()
        try:
            yield
        finally:
            used = _used() - before
            for name in names:
                self._sums[name] += used

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        self._sums["phase start"] += _used()
        with self._count("phase collection"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        with self._count("phase setup", *_names(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        with self._count("phase call", *_names(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        with self._count("phase teardown", *_names(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        before = _used()
        self._within.append(0)
        try:
            return (yield)
        finally:
            whole = _used() - before
            self._sums[f"fixture {fixturedef.argname}"] += whole - self._within.pop()
            if self._within:
                self._within[-1] += whole

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output["costs"] = {**self._sums, "phase whole": _used()}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for name, used in getattr(node, "workeroutput", {}).get("costs", {}).items():
            self._sums[name] += used

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for kind in ("phase", "file", "fixture", "test"):
            terminalreporter.section(f"processor time in seconds by {kind}")
            found = [(used, name) for name, used in self._sums.items() if name.startswith(f"{kind} ")]
            for used, name in sorted(found, reverse=True)[:SHOWN]:
                terminalreporter.write_line(f"{used:8.2f}  {name.removeprefix(f'{kind} ')}")


def _names(item: pytest.Item) -> tuple[str, str]:
    return f"file {item.nodeid.partition('::')[0]}", f"test {item.nodeid}"
