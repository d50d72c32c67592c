"""Shares the loop between callers, step by step. In: the work of a request. Out: the same, in steps.

A step is what a request does between two waits. In a round of the loop the steps of all callers together take about a
millisecond; further ones wait for the next rounds, those of the caller first that used the loop least of late. So a
caller with many requests, or with a large one, delays a step of another caller by one of its own and not by all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from time import thread_time
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterator

T = TypeVar("T")
ROUND_SECONDS: Final = 0.001
REMEMBERED_SECONDS: Final = 1.0
"""After so much work of all callers together, what each of them used counts half."""
FORGOTTEN_SECONDS: Final = 0.0005


@dataclass(slots=True)
class Turns:
    """The steps of all requests of one process; `seconds` measures work, and so leaves out what others do."""

    seconds: Callable[[], float] = thread_time
    _used: dict[str, float] = field(default_factory=dict)
    _used_by_all: float = 0.0
    _used_in_round: float = 0.0
    _is_round_open: bool = False
    _waiting: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _arrivals: Iterator[int] = field(default_factory=count)

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._used)

    def used(self, caller: str) -> float:
        """Return how long this caller worked of late."""
        return self._used.get(caller, 0.0)

    def wait(self, caller: str) -> Generator[Any, None, None]:
        """Wait until a step of this caller may run."""
        used = self.used(caller)
        if self._used_in_round < ROUND_SECONDS and (not self._waiting or used < self._waiting[0][0]):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (used, next(self._arrivals), turn))
        self._open_round()
        yield from turn

    def charge(self, caller: str, seconds: float) -> None:
        """Count what a step of this caller took."""
        self._used_in_round += seconds
        self._used_by_all += seconds
        self._used[caller] = self.used(caller) + seconds
        if self._used_by_all > REMEMBERED_SECONDS:
            self._used_by_all = 0.0
            self._used = {who: used / 2 for who, used in self._used.items() if used > FORGOTTEN_SECONDS}
        self._open_round()

    def _open_round(self) -> None:
        if not self._is_round_open:
            self._is_round_open = True
            asyncio.get_running_loop().call_soon(self._end_round)

    def _end_round(self) -> None:
        """Let one of the waiting steps run in the next round."""
        self._is_round_open = False
        self._used_in_round = 0.0
        while self._waiting:
            *_, turn = heappop(self._waiting)
            if not turn.done():  # its request was cancelled
                turn.set_result(None)
                break
        if self._waiting:
            self._open_round()


@dataclass(slots=True)
class Steps(Generic[T]):
    """The work of a request of this caller, of which each step waits for its turn."""

    turns: Turns
    caller: str
    """Whose the next steps are; another name may be given while the work is done."""
    work: Coroutine[Any, Any, T]

    def __await__(self) -> Generator[Any, Any, T]:
        """Do the work; what is thrown in, as a cancellation is, reaches it where it waits."""
        thrown: BaseException | None = None
        try:
            while True:
                if thrown is None:
                    try:
                        yield from self.turns.wait(self.caller)
                    except BaseException as error:  # noqa: BLE001 - handed on
                        thrown = error
                started = self.turns.seconds()
                try:
                    waits_for = self.work.send(None) if thrown is None else self.work.throw(thrown)
                except StopIteration as end:
                    result: T = end.value
                    return result
                finally:
                    self.turns.charge(self.caller, self.turns.seconds() - started)
                thrown = None
                try:
                    yield waits_for
                except BaseException as error:  # noqa: BLE001 - handed on
                    thrown = error
        finally:
            self.work.close()
