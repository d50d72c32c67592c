"""Shares the loop between callers, step by step. In: the work of a request. Out: the same, in steps.

A step is what a request does between two waits. In a round of the loop the steps of all callers together take about a
millisecond; further ones wait for the next rounds, those of the caller first that used the loop least. So a caller with
many requests, or with a large one, delays a step of another caller by one of its own and not by all.

A request that waits for the database goes on within moments. Until then callers that used more wait with it: else their
steps, and their statements at the database, would stand before each of its own. Nobody waits for a change that is made
together with those of others: its callers would go on one after the other, in smaller and smaller groups. What a caller
does counts as often as it has requests in progress, so that many at once get it no larger share of the loop than one at
a time.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from time import monotonic, thread_time
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")
ROUND_SECONDS: Final = 0.001
CREDIT_SECONDS: Final = 0.01
"""How much less than those at work a caller counts that did nothing for a while."""
LEAD_SECONDS: Final = 0.1
"""How much more than the least of those at work a caller counts at most, so that it goes on before long."""
MORE_SECONDS: Final = 0.005
"""How much more a caller used than another one for which it waits."""
AWAITED_SECONDS: Final = 0.05
"""How long the next step of a request is waited for."""
LOOK_UP_SECONDS: Final = 0.002
"""A longer wait than that counts as use when others wait with it."""
MOST_COUNTED: Final = 5
"""So many times a step counts at most."""
REMEMBERED: Final = 1000
"""Of so many callers it is known what they used, and of all that are at work."""


class JointAnswer(asyncio.Future[T]):
    """What a request waits for while it is worked on with others: its next step is not near, so nobody waits for it."""


@dataclass(slots=True)
class Turns:
    """The steps of all requests of one process; `seconds` measures work, and so leaves out what others do."""

    seconds: Callable[[], float] = thread_time
    clock: Callable[[], float] = monotonic
    _used: dict[str, float] = field(default_factory=dict)
    """What each caller used, as if all had been at work since the process began."""
    _least: float = 0.0
    """What that caller used that used least of those at work; it never falls."""
    _used_in_round: float = 0.0
    _is_round_open: bool = False
    _present: Counter[str] = field(default_factory=Counter)
    """How many requests of each caller are in progress."""
    _waiting: dict[str, deque[asyncio.Future[None]]] = field(default_factory=dict)
    _awaited: dict[Steps[Any], float] = field(default_factory=dict)
    """The requests between two steps, and since when they are."""
    _later: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._used)

    def used(self, caller: str) -> float:
        """Return how much this caller used; what it did while nobody else was at work is not held against it."""
        return max(self._used.get(caller, 0.0), self._least - CREDIT_SECONDS)

    def enter(self, caller: str) -> None:
        """Count a request of this caller in."""
        self._rise()
        self._used[caller] = self.used(caller)
        self._present[caller] += 1

    def leave(self, caller: str) -> None:
        """Count a request of this caller out."""
        self._rise()
        self._present[caller] -= 1
        if not self._present[caller]:
            del self._present[caller]
        if len(self._used) > REMEMBERED + len(self._present):
            self._forget()

    def wait(self, caller: str) -> Generator[Any, None, None]:
        """Wait until a step of this caller may run."""
        if self._used_in_round < ROUND_SECONDS and self._is_first(caller):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        self._open_round()
        yield from turn

    def charge(self, caller: str, seconds: float) -> None:
        """Count what a step of this caller took."""
        self._used_in_round += seconds
        self._add(caller, seconds * min(max(1, self._present[caller]), MOST_COUNTED))
        self._open_round()

    def expect(self, request: Steps[Any]) -> None:
        """Let those who used more wait for the next step of this request."""
        self._awaited[request] = self.clock()

    def expect_no_more(self, request: Steps[Any]) -> None:
        """Let nobody wait for this request: its next step is there, or it has ended."""
        since = self._awaited.pop(request, None)
        if since is not None and self._waiting:
            waited = min(self.clock() - since, AWAITED_SECONDS)
            self._add(request.caller, max(0.0, waited - LOOK_UP_SECONDS))
            self._open_round()

    def _add(self, caller: str, seconds: float) -> None:
        self._used[caller] = min(self.used(caller) + seconds, self._least + LEAD_SECONDS)

    def _forget(self) -> None:
        """Forget those who left: first who count like any other one that comes."""
        ahead = {who: used for who, used in self._used.items() if used > self._least or who in self._present}
        if len(ahead) > REMEMBERED + len(self._present):
            ahead = {who: ahead[who] for who in self._present}
        self._used = ahead

    def _rise(self) -> None:
        self._least = max(self._least, min(map(self.used, self._present), default=0.0))

    def _is_first(self, caller: str) -> bool:
        used = self.used(caller)
        return all(used < self.used(other) for other in self._waiting) and not self._has_to_wait(used)

    def _has_to_wait(self, used: float) -> bool:
        """Return whether a caller that used so much waits for the next step of another one."""
        oldest = self.clock() - AWAITED_SECONDS
        awaited = (request.caller for request, since in self._awaited.items() if since > oldest)
        return used > min(map(self.used, awaited), default=used) + MORE_SECONDS

    def _open_round(self) -> None:
        if not self._is_round_open:
            self._is_round_open = True
            asyncio.get_running_loop().call_soon(self._end_round)

    def _end_round(self) -> None:
        """Let one of the waiting steps run in the next round, or look again when those it waits for had their time."""
        self._is_round_open = False
        self._used_in_round = 0.0
        if self._later is not None:
            self._later.cancel()
            self._later = None
        while self._waiting:
            caller = min(self._waiting, key=self.used)
            if self._has_to_wait(self.used(caller)):
                self._later = asyncio.get_running_loop().call_later(AWAITED_SECONDS, self._open_round)
                return
            if self._give_turn(caller):
                break
        if self._waiting:
            self._open_round()

    def _give_turn(self, caller: str) -> bool:
        """Let the oldest step of this caller run; return whether there was one whose request was not cancelled."""
        turns = self._waiting.pop(caller)
        turn = turns.popleft()
        if turns:
            self._waiting[caller] = turns  # behind those that used as much
        if turn.done():
            return False
        turn.set_result(None)
        return True


@dataclass(slots=True, eq=False)
class Steps(Generic[T]):
    """The work of a request of this caller, of which each step waits for its turn."""

    turns: Turns
    caller: str
    work: Coroutine[Any, Any, T]
    is_with_caller: bool = False
    """Whether the next step comes when its caller has sent or read something, for which nobody else waits."""

    def pass_to(self, caller: str) -> None:
        """Do the next steps in the name of another caller."""
        self.turns.leave(self.caller)
        self.turns.enter(caller)
        self.caller = caller

    def __await__(self) -> Generator[Any, Any, T]:
        """Do the work; what is thrown in, as a cancellation is, reaches it where it waits."""
        self.turns.enter(self.caller)
        try:
            return (yield from self._do())
        finally:
            self.turns.expect_no_more(self)
            self.turns.leave(self.caller)
            self.work.close()

    def _do(self) -> Generator[Any, Any, T]:
        thrown: BaseException | None = None
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
            if not self.is_with_caller and not isinstance(waits_for, JointAnswer):
                self.turns.expect(self)
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - handed on
                thrown = error
            self.turns.expect_no_more(self)
