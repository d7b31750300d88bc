"""The operator's command: what it comes to, and how to run it as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

COMMAND = Path(sys.executable).with_name("allowance")
PAGE = "My consumption: "


@dataclass(frozen=True)
class Outcome:
    """The exit code and output of a command."""

    code: int | str | None
    out: str
    err: str


Run = Callable[..., Outcome]


@dataclass(frozen=True)
class Process:
    """A running command."""

    popen: subprocess.Popen[str]

    def line_with(self, text: str) -> str:
        """Wait for a line of its output."""
        assert self.popen.stdout
        seen = []
        for line in self.popen.stdout:
            seen.append(line)
            if text in line:
                return line.rstrip("\n")
        pytest.fail(f"it ended with {self.popen.wait()} and never said {text!r}, but: {''.join(seen)}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=30)


@contextmanager
def process(*arguments: object, cwd: Path, **settings: object) -> Iterator[Process]:
    """Start the command; `settings` go to its environment. It is killed at the end of the block."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALLOWANCE_")}
    settings = {"drain_seconds": 0, **settings}  # no proxy has to notice that the process stops
    environment |= {f"ALLOWANCE_{name.upper()}": str(value) for name, value in settings.items()}
    popen = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Process(popen)
    finally:
        popen.kill()
        popen.communicate()


@contextmanager
def serving(*arguments: object, cwd: Path, **settings: object) -> Iterator[tuple[Process, str]]:
    """A server at a port of its own, and its address."""
    with process("serve", "--port", 0, *arguments, cwd=cwd, **settings) as server:
        yield server, server.line_with(PAGE).removeprefix(PAGE).removesuffix("/consumption")


def ask(address: str, token: str, query: str, **variables: Any) -> Mapping[str, Any]:
    """The data of a GraphQL answer without errors."""
    answer = httpx2.post(
        f"{address}/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    ).json()
    assert "errors" not in answer, answer
    data: Mapping[str, Any] = answer["data"]
    return data
