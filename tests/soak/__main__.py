"""``python -m tests.soak``: a soak of some minutes on either database, and what it came to."""

import argparse
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.soak.places import on_postgresql, on_sqlite
from tests.soak.run import soak
from tests.soak.sender import WAYS

PLACES = {"sqlite": on_sqlite, "postgresql": on_postgresql}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=PLACES, required=True)
    parser.add_argument("--seed", type=int, default=None, help="of the kills")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="allowance-soak-") as home, PLACES[given.database](Path(home)) as place:
        report = soak(place, list(WAYS), given.minutes * 60, Random(given.seed))  # noqa: S311
    print(report)  # noqa: T201
    sys.exit(1 if report.wrong else 0)


if __name__ == "__main__":
    main()
