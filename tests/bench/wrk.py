"""Rates measured by wrk, which is written in C and leaves the machine to the server."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.findings import NotRun

_SCRIPT = """
local bodies = {{ {bodies} }}
local count = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
{headers}
function request()
  count = count + 1
  return wrk.format(nil, "{path}", nil, {body})
end
"""
_EVERY = "bodies[count % #bodies + 1]"
_EVERY_NEW = 'string.gsub(bodies[count % #bodies + 1], "}}$", ", \\"extensions\\": {{\\"n\\": " .. count .. "}}}}")'


def rate(
    address: str,
    bodies: list[bytes],
    headers: Mapping[str, str],
    *,
    seconds: float,
    connections: int,
    all_differ: bool = False,
) -> float:
    """Requests answered in a second, from one thread over so many connections; the bodies are sent in turns.

    Where `all_differ`, each request says something more that means nothing, so that no two are the same. Raises
    RuntimeError where any was refused, and :class:`NotRun` without wrk.
    """
    if shutil.which("wrk") is None:
        raise NotRun("wrk is not installed: install the system's package of that name.")
    host, _, path = address.partition("://")[2].partition("/")
    script = _SCRIPT.format(
        bodies=", ".join(f"[==[{body.decode()}]==]" for body in bodies),
        headers="\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()),
        path=f"/{path}",
        body=(_EVERY_NEW.format() if all_differ else _EVERY),
    )
    with TemporaryDirectory(prefix="allowance-bench-") as directory:
        file = Path(directory, "post.lua")
        file.write_text(script)
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "-s", str(file)]
        said = subprocess.run(
            ["wrk", *options, f"http://{host}"], check=True, capture_output=True, text=True, timeout=seconds + 60
        ).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if found is None or "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"requests failed: {said}")
    return float(found[1])
