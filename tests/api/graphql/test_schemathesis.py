"""The running server under schemathesis: whatever a generator of queries comes up with, nothing is a fault."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.server import Served

ROOT = Path(__file__).parents[3]


@pytest.mark.usefixtures("acme")
def test_generated_operations_are_answered_or_refused_with_codes(served: Served, long_form: bool) -> None:
    examples = "25" if long_form else "5"
    run = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{served.url}/graphql"),
            *("--header", f"Authorization: Bearer {served.token()}"),
            *("--checks", "every_error_is_coded", "--max-examples", examples, "--generation-database", "none"),
        ],
        cwd=ROOT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.api.graphql.coded_errors", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]
    assert "Tested: " in run.stdout
