"""``python -m tests.soak``: a soak, an overload or many deliveries, on either database, and what it came to."""

import argparse
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.e2e.recipients import recipients
from tests.soak.deliveries import Told, tell_all
from tests.soak.overload import Overload, overload
from tests.soak.places import Place, on_postgresql, on_sqlite
from tests.soak.run import Report, soak
from tests.soak.sender import WAYS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("what", choices=["soak", "overload", "deliveries"], nargs="?", default="soak")
    parser.add_argument("--minutes", type=float, help="ten, or one of overload; deliveries take as long as they take")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], required=True)
    parser.add_argument("--seed", type=int, help="of the kills")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="allowance-soak-") as home:
        report: Report | Overload | Told
        if given.what == "soak":
            with _place(given.database, Path(home), servers=2) as place:
                report = soak(place, list(WAYS), (given.minutes or 10) * 60, Random(given.seed))  # noqa: S311
        elif given.what == "deliveries":
            with _place(given.database, Path(home), servers=1) as place, recipients() as there:
                report = tell_all(place.installation, there, Random(given.seed), licenses=2000, rounds=8, within=1800)  # noqa: S311
        else:
            with _place(given.database, Path(home), servers=1) as place:
                report = overload(place, (given.minutes or 1) * 60)
    print(report)  # noqa: T201
    sys.exit(1 if report.wrong else 0)


def _place(database: str, home: Path, servers: int) -> AbstractContextManager[Place]:
    return on_sqlite(home) if database == "sqlite" else on_postgresql(home, servers)


if __name__ == "__main__":
    main()
