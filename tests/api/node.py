"""Programs in JavaScript that tests run against the server."""

import fcntl
import os
import subprocess
import tempfile
from pathlib import Path

CLIENTS = Path(__file__).parents[1] / "clients"


def install() -> None:
    """Install what the programs in `tests/clients` need, unless it is there already."""
    wanted = (CLIENTS / "package-lock.json").read_text()
    installed = CLIENTS / "node_modules" / "installed.json"
    with Path(tempfile.gettempdir(), f"allowance-test-clients-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of the run may be at it
        if installed.exists() and installed.read_text() == wanted:
            return
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=CLIENTS, check=True, timeout=300, stdout=subprocess.DEVNULL)
        installed.write_text(wanted)


def run(program: str, *arguments: str, stdin: str = "") -> str:
    """Run one of the programs; what it printed. Fails with what it complained about."""
    done = subprocess.run(
        ["node", program, *arguments],
        cwd=CLIENTS,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
