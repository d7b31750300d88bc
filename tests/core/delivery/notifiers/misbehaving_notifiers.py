"""A partner's plugin whose notifiers do all that a channel has to bear. Each writes down what it was told."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from allowance import GiveUp, Notifier, hookimpl

API_VERSION = 1
TOLD = Path(__file__).with_name("told.txt")
NOTIFIERS: list[Notifier] = []


def notifier(function):
    def notify(self, message):
        with TOLD.open("a") as file:
            file.write(f"{self.key} {message.id} {os.getpid()}\n")
        function(message)

    kind = type("Own", (Notifier,), {"notify": notify})
    NOTIFIERS.append(kind(key=function.__name__, title="Own", kinds=("threshold.crossed",), environment=("CHAT_URL",)))
    return function


@notifier
def takes(message):
    print("this goes nowhere near the answers")  # noqa: T201


@notifier
def writes_down_all(message):
    Path(__file__).with_name("all.txt").write_text(repr(message))


@notifier
def sees_the_environment(message):
    Path(__file__).with_name("environment.txt").write_text("\n".join(os.environ))


@notifier
def raises(message):
    raise RuntimeError("the password is hunter2")


@notifier
def exits_politely(message):
    sys.exit(3)


@notifier
def gives_up(message):
    raise GiveUp("nobody lives there \ud800" + "." * 5000)


@notifier
def hangs(message):
    while True:
        time.sleep(60)


@notifier
def ends_its_process(message):
    os._exit(7)


@notifier
def eats_memory(message):
    kept = []
    while True:
        kept.append(bytearray(2**30))


@notifier
def answers_by_itself(message):
    for descriptor in range(3, 20):
        with suppress(OSError):
            os.write(descriptor, b'{"number": 77}\n')


@hookimpl
def allowance_notifiers():
    return NOTIFIERS
