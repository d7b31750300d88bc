"""Processes that check installations in and keep what they were told: many at once."""

import multiprocessing
import random
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import count
from multiprocessing.connection import Connection
from time import monotonic, sleep
from typing import NamedTuple

from core.admission.admitter import Admitter
from core.admission.check_in import CheckInRequest
from core.database.engine import Database
from core.errors import Unavailable
from core.plugins.host import load_plugins
from core.settings import Settings

PROCESSES = 16


class Answer(NamedTuple):
    """What an installation was told, and when its call began and ended, by the one clock of the machine."""

    installation: str
    decision: str
    began: float
    ended: float


class Drawing(NamedTuple):
    """How many threads of each process check in how often, and from how many installations they draw.

    Without a number of `check_ins` they go on until what happens meanwhile is over.
    """

    installations: int
    threads: int
    check_ins: int | None = None


def crowd(url: str, license: str, drawing: Drawing, meanwhile: Callable[[], None] = lambda: None) -> list[Answer]:
    """What sixteen processes are told that begin together; `meanwhile` happens while they run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # what they import takes longer than what they do
    pairs = [context.Pipe() for _ in range(PROCESSES)]
    with ExitStack() as stack:
        for seed, (_, theirs) in enumerate(pairs):
            process = context.Process(target=_run, args=(theirs, url, license, seed, drawing), daemon=True)
            process.start()
            stack.callback(process.join, 30)
            stack.callback(process.kill)
        pipes = [ours for ours, _ in pairs]
        for pipe in pipes:
            assert pipe.recv() == "ready"
        for pipe in pipes:
            pipe.send("go")
        meanwhile()
        for pipe in pipes:
            pipe.send("stop")
        return [Answer(*answer) for pipe in pipes for answer in pipe.recv()]


def _run(pipe: Connection, url: str, license: str, seed: int, drawing: Drawing) -> None:
    # It remembers little, so that it asks the database.
    settings = Settings(
        database_url=url,
        new_installations_per_second=10**6,
        quota_newcomers_per_hour=10**9,
        installations_remembered=20,
    )
    with closing(Database(url)) as database, closing(Admitter(database, load_plugins(), settings)) as admitter:
        pipe.send("ready")
        pipe.recv()
        answers: list[Answer] = []

        def check_in(number: int) -> None:
            drawn = random.Random(f"{seed}-{number}")  # noqa: S311
            for done in count():
                if done == drawing.check_ins or (drawing.check_ins is None and pipe.poll()):
                    return
                installation = f"i-{drawn.randrange(drawing.installations)}"
                while True:
                    began = monotonic()
                    try:
                        found = admitter.check_in(
                            CheckInRequest(license, "active_installations", installation, "crowd")
                        )
                        break
                    except Unavailable:  # the server has no connection left beside the other tests of the run
                        sleep(0.1)
                answers.append(Answer(installation, found.decision.value, began, monotonic()))

        threads = [threading.Thread(target=check_in, args=(number,)) for number in range(drawing.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send([tuple(answer) for answer in answers])
