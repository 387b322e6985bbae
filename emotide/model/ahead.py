"""Numbered values made in turn, the next one by a thread while this one is in use."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Ahead(Generic[Value]):
    """One value and the next; no others are in memory.

    Arrays are sorted and searched without the interpreter's lock, so that the thread works beside the network's steps.

    Args:
        make: the value of a number; of two numbers never at the same time.
        count: numbers from 0 to this, exclusive.
    """

    def __init__(self, make: Callable[[int], Value], count: int) -> None:
        self._make, self._count = make, count
        self._here: tuple[int, Value] | None = None
        self._next: tuple[int, Future[Value]] | None = None

    def at(self, number: int) -> Value:
        """The value of this number; the one after it is begun.

        Raises:
            whatever `make` raised.
        """
        if self._here is None or self._here[0] != number:
            self._here = None
            self._here = number, self._taken(number)
            self._next = (number + 1, _begun(self._make, number + 1)) if number + 1 < self._count else None
        return self._here[1]

    def _taken(self, number: int) -> Value:
        """The value that was begun, or made now."""
        begun, self._next = self._next, None
        if begun is None:
            return self._make(number)
        if begun[0] == number:
            return begun[1].result()
        begun[1].exception()  # wait for it: values are made one at a time
        return self._make(number)


def _begun(make: Callable[[int], Value], number: int) -> "Future[Value]":
    made: Future[Value] = Future()

    def work() -> None:
        try:
            made.set_result(make(number))
        except BaseException as error:
            made.set_exception(error)

    Thread(target=work, daemon=True).start()
    return made
