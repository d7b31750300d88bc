"""Senders share a queue: whoever was served least comes first."""

from hypothesis import given
from hypothesis import strategies as st

from core.usage import fair_queue
from core.usage.fair_queue import FairQueue


def filled(*items: tuple[str, str, int]) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for sender, item, size in items:
        queue.put(sender, item, size)
    return queue


def test_a_small_item_passes_the_large_ones_of_a_busy_sender() -> None:
    queue = filled(("a", "a1", 10), ("a", "a2", 10), ("a", "a3", 10))
    assert queue.take(5) == ["a1"]
    queue.put("b", "b1", 1)
    assert queue.take(5) == ["b1"]
    assert [queue.take(5), queue.take(5), queue.take(5)] == [["a2"], ["a3"], []]
    assert (queue.size, bool(queue)) == (0, False)


def test_items_that_fit_are_taken_together_in_turns() -> None:
    queue = filled(("a", "a1", 2), ("a", "a2", 2), ("b", "b1", 9), ("c", "c1", 1), ("c", "c2", 1))
    assert queue.take(6) == ["a1", "c1", "c2", "a2"]
    assert queue.take(6) == ["b1"]


def test_a_sender_that_waited_for_nothing_has_saved_nothing() -> None:
    queue = filled(*(("a", f"a{number}", 10) for number in range(4)))
    assert [queue.take(1), queue.take(1)] == [["a0"], ["a1"]]
    for number in range(30):
        queue.put("b", f"b{number}", 1)
    in_a_row = []
    while (item := queue.take(1)[0]) != "a2":
        in_a_row.append(item)
    assert len(in_a_row) == 10  # as much as one item of the other sender


def test_senders_that_are_remembered_are_bounded() -> None:
    queue = filled(*((f"s{number}", "x", 1) for number in range(fair_queue.MOST_IDLE + 10)))
    queue.take(fair_queue.MOST_IDLE + 5)
    queue.take(1)
    queue.forget_idle()
    assert len(queue._served) <= fair_queue.MOST_IDLE + 10
    while queue:
        queue.take(100)
    queue.forget_idle()
    assert queue._served == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=40), st.integers(1, 20))
def test_each_item_is_taken_once_in_the_order_of_its_sender(puts: list[tuple[str, int]], most: int) -> None:
    queue: FairQueue[tuple[str, int, int]] = FairQueue()
    for number, (sender, size) in enumerate(puts):
        queue.put(sender, (sender, number, size), size)
    assert queue.size == sum(size for _, size in puts)
    taken = []
    while together := queue.take(most):
        assert len(together) == 1 or sum(size for *_, size in together) <= most
        taken += together
    assert sorted(number for _, number, _ in taken) == list(range(len(puts)))
    for each in "abc":
        numbers = [number for sender, number, _ in taken if sender == each]
        assert numbers == sorted(numbers)
