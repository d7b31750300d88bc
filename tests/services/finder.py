"""Finding the services of a test run."""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from .catalogue import SERVICES, Service
from .postgres_server import CannotStart, private_postgres


@dataclass(frozen=True)
class Found:
    """What looking for a service came to."""

    url: str
    """Its address; empty for a program on PATH."""
    absence: str = ""
    """What is missing, where, and why; empty if the service is there."""
    remedy: str = ""
    """What to do about its absence."""

    def __str__(self) -> str:
        return f"{self.absence}. {self.remedy}" if self.absence else self.url


class Services:
    """The services of one test run, each looked for once, when it is first asked for.

    Parameters:
        told: what another process of the same run has found already.
        private: start a private PostgreSQL, which lasts until `close`, unless an address is given. It keeps nothing
            through a crash and so is faster than any other.
    """

    def __init__(self, told: Mapping[str, Found] | None = None, *, private: bool = True) -> None:
        self._found = dict(told or {})
        self._private = private
        self._started = ExitStack()

    def find(self, name: str) -> Found:
        """Look for the service of that name. Raises KeyError if `SERVICES` has none."""
        if name not in self._found:
            self._found[name] = self._look_for(name, SERVICES[name])
        return self._found[name]

    def url(self, name: str) -> str:
        """The address of a service that is there. Raises LookupError if it is not."""
        found = self.find(name)
        if found.absence:
            raise LookupError(f'{found} Mark what needs it with @pytest.mark.needs("{name}").')
        return found.url

    def missing(self, names: Iterable[str] | None = None) -> list[Found]:
        """Those that are not there, of the services of those names, or of those looked for so far."""
        sought = map(self.find, list(self._found) if names is None else names)
        return [found for found in sought if found.absence]

    def close(self) -> None:
        """Stop what was started."""
        self._started.close()

    def _look_for(self, name: str, service: Service) -> Found:
        given = os.environ.get(service.setting)
        url = given or service.default
        started: Found | str = "" if given else self._start(name)
        if isinstance(started, Found):
            return started
        try:
            service.knock(url)
            return Found(url)
        except Exception as error:  # whatever it is, tests cannot use the service
            reason = _in_short(error)
        started = self._start(name) if given else started
        if isinstance(started, Found):
            return started
        more = f", and no private one ({started})" if started else ""
        place = f"at {_without_password(url)}" if url else service.place
        return Found(url, f"no {service.title} {place} ({reason}){more}", service.remedy)

    def _start(self, name: str) -> Found | str:
        """Start a private server of that service, or return the problem. Of all but PostgreSQL there is none."""
        if name != "postgres" or not self._private:
            return ""
        try:
            return Found(self._started.enter_context(private_postgres()))
        except CannotStart as error:
            return str(error)


def _in_short(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or repr(error)
    return text.strip().splitlines()[0].rstrip(".")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@", 1) if parts.password else url
