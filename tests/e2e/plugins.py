"""Partners' plugins, on disk as an installer leaves them."""

from pathlib import Path


def install(folder: Path, name: str, code: str) -> None:
    """A distribution ``partner-<name>`` with one module and one entry point of that name."""
    info = folder / f"partner_{name}-1.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: partner-{name}\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text(f"[allowance]\n{name} = partner_{name}\n")
    (folder / f"partner_{name}.py").write_text(code)


def meter(key: str, body: str) -> str:
    """The code of a plugin with one meter of its own class, which measures by that body."""
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    return f"""
import ctypes
import time
from pathlib import Path

from allowance import Meter, Reading, hookimpl

API_VERSION = 1


system = ctypes.CDLL(None).system  # past Python, whose guard forbids to start processes


class Own(Meter):
    def measure(self, usage, license, contract):
{lines}


@hookimpl
def allowance_meters():
    return [Own(key="{key}", section="license", title="Own", description="A partner's.", unit="pieces", limit="{key}")]
"""
