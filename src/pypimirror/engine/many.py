"""Tasks that come one after the other, where it is known about how many they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class SizedIterator(Generic[T]):
    """An iterator that says how many are left at most (PEP 424): engines need not wait to see whether they are many."""

    def __init__(self, tasks: Iterable[T], number: int):
        self._tasks = iter(tasks)
        self._number = number

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        self._number -= 1
        return next(self._tasks)

    def __length_hint__(self) -> int:
        return max(self._number, 0)
