"""Awaits the HTTP client so that whoever awaits it can be cancelled. In: its coroutine. Out: its result.

A coroutine of pyreqwest 0.15 that is told of a cancellation at an unlucky moment waits for ever, and with it the
process that wants to end. So it is never told: it is closed, which drops its request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

T = TypeVar("T")


class Cancellable(Generic[T]):
    """A coroutine of the HTTP client, to be awaited once."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, None, T]:
        inner = self._coroutine
        try:
            while True:
                try:
                    step = inner.send(None)
                except StopIteration as end:
                    result: T = end.value
                    return result
                yield step
        finally:
            inner.close()
