"""Long work of a thread waits while short work of others is under way, and goes on beside short work without end."""

from collections.abc import Iterator
from threading import Event, Thread
from time import thread_time

import pytest

from core import right_of_way
from core.right_of_way import SHORT, Work, give_way

A_WHILE = 0.05


def compute(seconds: float) -> None:
    """Take processor time."""
    end = thread_time() + seconds
    while thread_time() < end:
        pass


class Steps:
    """Long work of a thread: one step when the test asks for it."""

    def __init__(self, *, is_long: bool = True) -> None:
        self.work = Work(is_long=is_long)
        self.may, self.done = Event(), Event()
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self.work:
            self.may.wait()
            give_way()
        self.done.set()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let long work wait for as long as a test may take."""
    monkeypatch.setattr(right_of_way, "PATIENCE", 1000)


@pytest.fixture(autouse=True)
def _no_short_work_is_left() -> Iterator[None]:
    yield
    assert right_of_way._ROAD.short == 0


@pytest.mark.usefixtures("patient")
def test_long_work_waits_until_all_short_work_has_ended() -> None:
    first, second, long = Work(is_long=False), Work(is_long=False), Steps()
    long.may.set()
    assert not long.done.wait(A_WHILE)
    first.end()
    first.end()  # which changes nothing
    assert not long.done.wait(A_WHILE)
    second.end()
    assert long.done.wait()


@pytest.mark.usefixtures("patient")
def test_long_work_waits_for_no_other_long_work() -> None:
    first, second = Steps(), Steps()
    second.may.set()
    assert second.done.wait()
    first.may.set()
    assert first.done.wait()


@pytest.mark.usefixtures("patient")
def test_short_work_waits_for_nothing() -> None:
    other, short = Work(is_long=False), Steps(is_long=False)
    short.may.set()
    assert short.done.wait()
    assert short.work.has_way
    short.work.end()
    other.end()


@pytest.mark.usefixtures("patient")
def test_work_that_computes_for_long_loses_the_right_of_way_and_waits() -> None:
    work, other, waited = Work(is_long=False), Work(is_long=False), Event()

    def run() -> None:
        with work:
            compute(SHORT)
            give_way()
            waited.set()

    Thread(target=run, daemon=True).start()
    assert not waited.wait(A_WHILE)
    assert not work.has_way
    other.end()
    assert waited.wait()
    work.end()


def test_long_work_goes_on_beside_short_work_that_never_ends() -> None:
    short, long = Work(is_long=False), Steps()
    long.may.set()
    assert long.done.wait()
    assert short.has_way
    short.end()


def test_long_work_that_waited_waits_again_only_for_a_multiple_of_what_it_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    now = {"clock": 0.0, "computed": 0.0}

    def wait(seconds: float) -> None:
        waits.append(round(seconds, 6))
        now["clock"] += seconds

    monkeypatch.setattr(right_of_way, "monotonic", lambda: now["clock"])
    monkeypatch.setattr(right_of_way, "thread_time", lambda: now["computed"])
    monkeypatch.setattr(right_of_way._ROAD, "wait_until_clear", wait)
    short = Work(is_long=False)
    with Work(is_long=True):
        for computed in (0.001, 0.001, 0.004, 0.0, 0.5):
            now["computed"] += computed
            give_way()
    short.end()
    assert waits == [0.05, 0.003, 0.012, 0.0, 0.05]


def test_a_thread_without_work_waits_for_nothing() -> None:
    short = Work(is_long=False)
    give_way()
    short.end()


def test_the_processor_time_of_work_is_that_of_its_thread() -> None:
    with Work(is_long=True) as work:
        compute(0.01)
    assert work.seconds >= 0.01


def test_work_within_work_gives_the_thread_back_to_the_outer_one() -> None:
    with Work(is_long=True) as outer:
        with Work(is_long=True):
            pass
        assert right_of_way._thread.work is outer
    assert right_of_way._thread.work is None


def test_items_are_yielded_as_they_are() -> None:
    with Work(is_long=True):
        assert list(right_of_way.giving_way(iter("abc"))) == ["a", "b", "c"]
