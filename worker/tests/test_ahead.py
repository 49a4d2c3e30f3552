"""The thread between two steps: order, bound, errors, and that nothing of it stays behind."""

import threading
from collections.abc import Generator, Iterator

import pytest

from worker.engine.ahead import run_ahead

PATIENCE_SECONDS = 10.0


@pytest.fixture(autouse=True)
def _no_thread_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


class Numbers:
    """Counts upwards and tells how far it has come."""

    def __init__(self, end: int, error: BaseException | None = None) -> None:
        self.end, self.error = end, error
        self.made = 0
        self.closed = False
        self.threads: set[int] = set()
        self.grown = threading.Condition()

    def items(self) -> Generator[int]:
        try:
            for number in range(self.end):
                with self.grown:
                    self.made += 1
                    self.threads.add(threading.get_ident())
                    self.grown.notify_all()
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed = True

    def wait_until_made(self, count: int) -> None:
        with self.grown:
            assert self.grown.wait_for(lambda: self.made >= count, PATIENCE_SECONDS)


def test_all_items_come_in_their_order_from_another_thread() -> None:
    numbers = Numbers(1000)
    with run_ahead(numbers.items(), 3) as items:
        assert list(items) == list(range(1000))
    assert numbers.closed
    assert threading.get_ident() not in numbers.threads


def test_it_runs_ahead_by_as_much_as_was_said_and_no_more() -> None:
    numbers = Numbers(1000)
    with run_ahead(numbers.items(), 3) as items:
        for taken in range(1, 100):
            assert next(items) == taken - 1
            numbers.wait_until_made(taken + 3)  # so many lie ready while this one is worked on
            assert numbers.made <= taken + 4  # and one is in the thread's hands


def test_an_error_comes_after_the_items_before_it() -> None:
    error = ValueError("of the thread")
    got: list[int] = []
    with pytest.raises(ValueError, match="of the thread") as caught, run_ahead(Numbers(10, error).items(), 3) as items:
        got.extend(items)
    assert caught.value is error
    assert got == list(range(10))


def test_running_out_of_memory_in_the_thread_is_not_lost() -> None:
    with pytest.raises(MemoryError), run_ahead(Numbers(0, MemoryError()).items(), 3) as items:
        list(items)


def test_an_early_end_closes_the_generator() -> None:
    numbers = Numbers(1_000_000)
    with run_ahead(numbers.items(), 3) as items:
        assert next(items) == 0
    assert numbers.closed
    assert numbers.made < 10


def test_an_error_of_the_block_closes_the_generator() -> None:
    numbers = Numbers(1_000_000)
    with pytest.raises(RuntimeError, match="of the block"), run_ahead(numbers.items(), 3):
        raise RuntimeError("of the block")
    assert numbers.closed
    assert numbers.made < 10


def test_the_block_need_not_take_anything() -> None:
    numbers = Numbers(2)
    with run_ahead(numbers.items(), 3):
        numbers.wait_until_made(2)
    assert numbers.closed
