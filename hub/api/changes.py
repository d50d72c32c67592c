"""Makes the changes of concurrent requests in groups. In: changes of one school each. Out: mandates, once committed.

Changes that arrive during a transaction wait for it and are then made together, in one: they are locked together,
decided one by one, and written together. A refused one disturbs no other. Nothing in a group waits for a school: a
change whose school another transaction holds is made by itself, as is each of a group that fails.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import asyncpg
from opentelemetry.trace import SpanKind

from hub import register
from hub.api.turns import JointAnswer
from hub.clock import now
from hub.register.write import SPAN
from hub.store.mandates import MandateView
from hub.store.pool import is_transient
from hub.telemetry.spans import Step, record_batch

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime
    from typing import Any

    from hub.errors import HubError
    from hub.register import SchoolChange
    from hub.store.decisions import LockRequest
    from hub.store.pool import Pool
    from hub.store.wakeups import Notifier

    Outcome = MandateView | HubError | None

MOST_TOGETHER: Final = 50
GATHER_SECONDS: Final = 0.003
"""How long a next change of those who were answered together is waited for, before the next group is taken."""
MOST_GROUPS: Final = 1
"""How many transactions of groups there are at once: with two, groups are half as large and cost more together."""


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A change of a request that waits for its outcome."""

    change: SchoolChange
    answer: asyncio.Future[MandateView]

    def settle(self, outcome: MandateView | BaseException) -> None:
        """Let the request go on, unless it is gone."""
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@dataclass(slots=True)
class ChangeGroups:
    """The changes that wait, and those that are being made; one per application."""

    pool: Pool
    notifier: Notifier
    _waiting: list[WaitingChange] = field(default_factory=list)
    _groups: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def make(self, change: SchoolChange) -> MandateView:
        """Make a change and return the mandate when it is committed; raise why it is refused, or failed."""
        answer: JointAnswer[MandateView] = JointAnswer()
        self._waiting.append(WaitingChange(change, answer))
        if self._groups < MOST_GROUPS:
            self._groups += 1
            self._start(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while group := self._take():
                await self._make_group(group)
                if len(group) > 1:
                    await self._gather(len(group))
        finally:
            self._groups -= 1

    async def _gather(self, answered: int) -> None:
        """Wait, as long as more of them come, for the next changes of those who were answered."""
        enough = min(answered + len(self._waiting), MOST_TOGETHER)
        while (before := len(self._waiting)) < enough:
            await asyncio.sleep(GATHER_SECONDS)
            if len(self._waiting) == before:
                return

    def _take(self) -> list[WaitingChange]:
        """Take the changes that can be made together: of one day, and no two of the same school or mandate."""
        group: dict[object, WaitingChange] = {}
        left = []
        for each in self._waiting:
            wanted = each.change.wanted
            what = wanted.mandate_id or next(iter(wanted.brins))
            fits = not group or _asked_alike(wanted, next(iter(group.values())).change.wanted)
            if fits and what not in group and len(group) < MOST_TOGETHER:
                group[what] = each
            else:
                left.append(each)
        self._waiting = left
        return list(group.values())

    async def _make_group(self, group: Sequence[WaitingChange]) -> None:
        began = now()
        outcomes: Sequence[Outcome] = ()
        try:
            async with self.pool.acquire() as c, c.transaction():
                outcomes = await register.make_together(c, [each.change for each in group])
            self._tell(group, outcomes, began)
        except Exception as error:  # noqa: BLE001 - the requests that wait for it get it
            self._fail(group, error, is_decided=bool(outcomes))
            return
        for each, outcome in zip(group, outcomes, strict=True):
            if outcome is None:
                self._start(self._make_alone(each))
            else:
                each.settle(outcome)

    def _fail(self, group: Sequence[WaitingChange], error: Exception, *, is_decided: bool) -> None:
        """Make each change of a group that failed by itself, unless it may be committed or all would fail likewise."""
        is_lost = is_transient(error) and not isinstance(error, asyncpg.TransactionRollbackError)
        for each in group:
            if is_decided or is_lost:
                each.settle(error)
            else:
                self._start(self._make_alone(each))

    async def _make_alone(self, waiting: WaitingChange) -> None:
        try:
            async with self.pool.acquire() as c, c.transaction():
                view = await register.make(c, waiting.change)
        except Exception as error:  # noqa: BLE001 - as above
            waiting.settle(error)
            return
        self.notifier.notify()
        waiting.settle(view)

    def _tell(self, group: Sequence[WaitingChange], outcomes: Sequence[Outcome], began: datetime) -> None:
        """Notify the relay, once, and record the step in the trace of each change."""
        made = [
            Step(name=SPAN, traceparent=each.change.traceparent, attributes={"brin": outcome.mandate.brin})
            for each, outcome in zip(group, outcomes, strict=True)
            if isinstance(outcome, MandateView)
        ]
        if made:
            self.notifier.notify()
            record_batch(SPAN, SpanKind.INTERNAL, made, began, now())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _asked_alike(one: LockRequest, other: LockRequest) -> bool:
    """Return whether two requests can be one statement."""
    return (one.today, one.most_events) == (other.today, other.most_events)
