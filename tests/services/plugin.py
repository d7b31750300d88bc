"""What pytest does about services: the marker ``needs``, the option ``--require-services``, the last lines.

A test whose service is missing is not run, and the last lines of the output say how many were not run for
want of which service, and how to run them. Nothing is said when nothing was missed.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

import pytest

from .catalogue import SERVICES
from .finder import Found, Services

_SERVICES = pytest.StashKey[Services]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("allowance").addoption(
        "--require-services",
        action="store_true",
        help="Fail at the start unless every service is there. A private PostgreSQL does not count.",
    )


def pytest_configure(config: pytest.Config) -> None:
    names = ", ".join(SERVICES)
    config.addinivalue_line("markers", f"needs(service, ...): do not run the test without them: {names}.")
    config.pluginmanager.register(_Run(config))


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> Services:
    """The services of this run, for those tests that say they need them: ``services.url("redis")``."""
    return pytestconfig.stash[_SERVICES]


def missing_services(item: pytest.Item) -> list[Found]:
    """Return the services that a test needs and that are not there."""
    return item.config.stash[_SERVICES].missing(name for name in _needs(item) if name in SERVICES)


class _Run:
    """One run of pytest, or one worker's part in it: workers are told by their controller what it found."""

    def __init__(self, config: pytest.Config) -> None:
        told: dict[str, dict[str, str]] = getattr(config, "workerinput", {}).get("services", {})
        required: bool = config.getoption("--require-services")
        self._config = config
        found = {name: Found(**each) for name, each in told.items()}
        self._services = config.stash[_SERVICES] = Services(found)
        self._not_run: Counter[Found] = Counter()
        if required and not told and (missing := Services(private=False).missing(SERVICES)):
            raise pytest.UsageError(*(f"--require-services: {found}" for found in missing))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["services"] = {name: asdict(self._services.find(name)) for name in SERVICES}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # After -k and -m, so that nothing is looked for, or started, which no test is going to use.
        if self._config.option.collectonly:
            return
        for item in items:
            if missing := missing_services(item):
                item.add_marker(pytest.mark.skip(reason="; ".join(found.absence for found in missing)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if unknown := ", ".join(name for name in _needs(item) if name not in SERVICES):
            known = ", ".join(SERVICES)
            pytest.fail(f"@pytest.mark.needs: no service {unknown}; there are {known}", pytrace=False)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup" and report.skipped:
            # A test may be skipped for reasons of its own as well, and then no service would have it run.
            reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
            self._not_run.update(found for found in self._services.missing() if found.absence in reason)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self._services.close()
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            for found, count in self._not_run.items():
                tests = "test" if count == 1 else "tests"
                reporter.write_line(f"{count} {tests} not run: {found}", yellow=True)


def _needs(item: pytest.Item) -> dict[str, None]:
    """The services that a test names, each once."""
    return dict.fromkeys(name for marker in item.iter_markers("needs") for name in marker.args)
