"""A partner's plugin whose meters misbehave, each in its own way; the fixture `partner` installs it."""

import ctypes
import decimal
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from itertools import repeat
from typing import Any

from allowance import Contract, Dimension, EventType, License, Limit, Meter, Reading, Section, Share, Usage, hookimpl

API_VERSION = 1
METERS: list[Meter] = []
LIBC = ctypes.CDLL(None)
fork, system, crash = LIBC.fork, LIBC.system, getattr(LIBC, "raise")
"""Functions past Python, which its audit hooks do not see."""
ONE, OTHER = socket.socketpair()
LEAKED: list[bytearray] = []


@hookimpl
def allowance_sections() -> list[Section]:
    return [Section(key="misbehaving", title="Misbehaving")]


@hookimpl
def allowance_meters() -> list[Meter]:
    return METERS


def events(self: Meter) -> tuple[EventType, ...]:
    return EventType("chat.sent", "counter"), EventType("bots.level", "level")


def meter(measure: Callable[[Usage, License, Contract], Any]) -> None:
    """Declare a meter that measures by this function, and has its name."""
    kind = type(measure.__name__.title(), (Meter,), {"measure": lambda self, *asked: measure(*asked), "events": events})
    METERS.append(
        kind(
            key=measure.__name__,
            section="misbehaving",
            title=measure.__name__,
            description="A trial.",
            unit="messages",
            by=(Dimension("seen"), Dimension("channel")),
        )
    )


def total(usage: Usage, contract: Contract) -> Reading:
    return Reading(used=usage.total("chat.sent", contract.period))


@meter
def honest(usage, license, contract):
    return total(usage, contract)


@meter
def sees_all(usage, license, contract):
    """Everything that a meter can see, told as text and in every kind of number."""
    seen = {
        "at": usage.at,
        "day": usage.day,
        "time_zone": usage.time_zone,
        "total": usage.total("chat.sent", contract.period),
        "totals": usage.totals("chat.sent", contract.period, by="channel"),
        "entities": usage.totals("chat.sent", contract.period, by="entity"),
        "daily": usage.daily("chat.sent", by="channel"),
        "level": usage.level("bots.level"),
        "levels": usage.levels("bots.level", by="entity"),
        "inventory": usage.inventory("bots.level"),
        "grants": usage.grants("honest"),
        "loaded_from": dict(usage.loaded_from),
        "license": license,
        "version": contract.version,
        "period": contract.period,
        "terms": dict(contract.terms),
        "at_risk": dict(contract.at_risk),
        "alert_at": dict(contract.alert_at),
    }
    return Reading(
        used=Fraction(1, 3),
        limit=Limit(Decimal("12.50"), "12.50 messages"),
        period=contract.period,
        shares=tuple(
            Share("seen", f"{key}-{begin}", repr(value)[begin : begin + 400], 1, Decimal("0.1"))
            for key, value in seen.items()
            for begin in range(0, len(repr(value)), 400)
        ),
        grants={"g1": 7, "g2": Decimal("1E+3")},
    )


class Foresees(Meter):
    """A meter that knows the days ahead."""

    events = events

    def measure(self, usage, license, contract):
        return total(usage, contract)

    def ahead(self, usage, license, contract):
        return [5, Decimal("2.5"), 0]


class ForeseesNothing(Foresees):
    """A meter whose look ahead fails."""

    def ahead(self, usage, license, contract):
        raise ValueError("nothing")


class ForeseesFloats(Foresees):
    """A meter that looks ahead with numbers that are not exact."""

    def ahead(self, usage, license, contract):
        return [0.1]


class ForeseesForEver(Foresees):
    """A meter that looks ahead without an end."""

    def ahead(self, usage, license, contract):
        return repeat(1)


METERS.extend(
    kind(key=key, section="misbehaving", title=key, description="A trial.", unit="messages")
    for key, kind in {
        "foresees": Foresees,
        "foresees_nothing": ForeseesNothing,
        "foresees_floats": ForeseesFloats,
        "foresees_for_ever": ForeseesForEver,
    }.items()
)


@meter
def same_usage(usage, license, contract):
    return Reading(used=usage.origin)


@meter
def own_process(usage, license, contract):
    return Reading(used=os.getpid())


@meter
def sees_secrets(usage, license, contract):
    return Reading(used=sum(name.startswith("ALLOWANCE_") for name in os.environ))


# It raises.


@meter
def raises(usage, license, contract):
    raise RuntimeError("the password is hunter2")


@meter
def raises_what_cannot_be_told(usage, license, contract):
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("\udcff")

    raise Unspeakable


@meter
def exits(usage, license, contract):
    raise SystemExit(0)


@meter
def recurses(usage, license, contract):
    return recurses_on(usage)


def recurses_on(usage):
    return recurses_on(usage)


# It hangs.


@meter
def loops_in_c(usage, license, contract):
    sum(range(10**12))


@meter
def backtracks(usage, license, contract):
    re.match(r"(a+)+$", "a" * 64 + "b")


@meter
def blocks_on_a_socket(usage, license, contract):
    ONE.recv(1)


@meter
def swallows_exceptions(usage, license, contract):
    while True:
        with suppress(BaseException):
            time.sleep(60)


@meter
def ignores_sigterm(usage, license, contract):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


@meter
def hangs_with_a_grandchild(usage, license, contract):
    system(b"sleep 60")


@meter
def hangs_with_a_fork(usage, license, contract):
    fork()
    time.sleep(60)


# It ends its process.


@meter
def leaves_at_once(usage, license, contract):
    os._exit(0)


@meter
def crashes(usage, license, contract):
    crash(signal.SIGSEGV)


@meter
def leaves_a_fork_behind(usage, license, contract):
    if fork() == 0:
        time.sleep(60)
    os._exit(3)


@meter
def closes_all_files(usage, license, contract):
    os.closerange(3, 256)
    return total(usage, contract)


@meter
def forges_an_answer(usage, license, contract):
    for descriptor in range(3, 32):
        with suppress(OSError):
            os.write(descriptor, b'{"number": 1, "reading": {}}\n')
    return total(usage, contract)


@meter
def floods_the_pipe(usage, license, contract):
    for descriptor in range(3, 32):
        with suppress(OSError):
            os.write(descriptor, b" " * 2**23)


# It eats memory.


@meter
def eats_memory(usage, license, contract):
    eaten = []
    while True:
        eaten.append(bytearray(2**30))


# It lies about its types.


@meter
def gives_a_float(usage, license, contract):
    return Reading(used=0.1)


@meter
def gives_a_bool(usage, license, contract):
    return Reading(used=True)


@meter
def gives_a_text(usage, license, contract):
    return Reading(used="1")


@meter
def gives_nan(usage, license, contract):
    return Reading(used=Decimal("NaN"))


@meter
def gives_infinity(usage, license, contract):
    return Reading(used=Decimal("Infinity"))


@meter
def gives_nothing(usage, license, contract):
    return None


@meter
def gives_a_number(usage, license, contract):
    return 12


@meter
def gives_a_label_that_is_none(usage, license, contract):
    return Reading(used=1, shares=(Share("channel", "web", 5, 1),))


@meter
def gives_a_share_that_is_none(usage, license, contract):
    return Reading(used=1, shares=("web",))


@meter
def gives_half_a_character(usage, license, contract):
    return Reading(used=1, shares=(Share("channel", "web", "\udcff", 1),))


@meter
def gives_too_much(usage, license, contract):
    return Reading(used=1, shares=tuple(Share("channel", f"{n}", "x" * 100, n) for n in range(100_000)))


@meter
def gives_a_number_of_a_million_digits(usage, license, contract):
    return Reading(used=10**1_000_000)


# It gives an exact reading, and is a bad neighbour.


@meter
def prints(usage, license, contract):
    print('{"number": 1}', flush=True)  # noqa: T201
    os.write(1, b"more\n")
    system(b"echo and more")
    assert sys.stdin.read() == ""
    return total(usage, contract)


@meter
def forks_and_lets_it_run_on(usage, license, contract):
    fork()
    return total(usage, contract)


@meter
def leaves_a_grandchild(usage, license, contract):
    system(b"sleep 60 &")
    return total(usage, contract)


@meter
def leaves_a_time_bomb(usage, license, contract):
    threading.Timer(0.05, os._exit, [1]).start()
    return total(usage, contract)


@meter
def leaves_a_thread_that_hogs(usage, license, contract):
    threading.Timer(0.05, sum, [range(10**12)]).start()
    return total(usage, contract)


@meter
def leaks(usage, license, contract):
    LEAKED.append(bytearray(150 * 2**20))
    return total(usage, contract)


@meter
def spoils_the_precision(usage, license, contract):
    decimal.getcontext().prec = 1
    return Reading(used=Decimal(1))
