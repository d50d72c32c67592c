"""Drives real statements through chosen interleavings, on real Postgres.

Actors are coroutines that talk to the database through `SteppedConnection`; each statement, begin, commit or send is a
step that waits for the scheduler. The scheduler lets one actor take one step at a time; an actor whose statement waits
for a lock is not enabled until the holder ends. One actor at most crashes: its connection is cut.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    import asyncpg

    Script = Callable[["SteppedConnection"], Awaitable[None]]

BLOCKED_AFTER_SECONDS = 0.002


class Crashed(Exception):  # noqa: N818 - what happened to the actor, not a fault of the test
    """The actor's process ended between two steps."""


@dataclass(slots=True)
class Actor:
    """One process of the protocol: its connection, and its next step."""

    name: str
    connection: asyncpg.Connection[Any]
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    progress: asyncio.Event = field(default_factory=asyncio.Event)
    pending: str = ""
    executed: set[str] = field(default_factory=set)
    is_crashed: bool = False
    is_blocked: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has no step left."""
        return self.task is not None and self.task.done()

    @property
    def is_enabled(self) -> bool:
        """Whether its next step may run."""
        return not self.is_done and self.arrived.is_set()


class SteppedConnection:
    """A connection on which each statement is a step."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self.depth = 0

    async def step(self, what: str) -> None:
        """Wait until the scheduler lets this step run."""
        actor = self._actor
        if actor.is_crashed:
            raise Crashed(actor.name)
        actor.pending = what
        actor.gate.clear()
        actor.arrived.set()
        actor.progress.set()
        await actor.gate.wait()
        if actor.is_crashed:
            raise Crashed(actor.name)
        actor.executed.add(what)

    async def fetch(self, query: str, *args: Any) -> Any:
        """Step: many rows."""
        await self.step(query)
        return await self._actor.connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """Step: one row."""
        await self.step(query)
        return await self._actor.connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Step: one value."""
        await self.step(query)
        return await self._actor.connection.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> Any:
        """Step: a statement."""
        await self.step(query)
        return await self._actor.connection.execute(query, *args)

    def transaction(self, isolation: str = "read_committed", *, readonly: bool = False) -> Transaction:
        """Begin a transaction, or in one a savepoint, when it is started or entered."""
        how = f" isolation level {isolation.replace('_', ' ')} read {'only' if readonly else 'write'}"
        return Transaction(self, how)


class Transaction:
    """Steps: begin, and commit or roll back; inside another one by a savepoint."""

    def __init__(self, c: SteppedConnection, how: str) -> None:
        self._c = c
        self._how = how
        self._savepoint = ""

    async def start(self) -> None:
        """Step: begin."""
        self._savepoint = f"s{self._c.depth}" if self._c.depth else ""
        await self._c.execute(f"savepoint {self._savepoint}" if self._savepoint else f"begin{self._how}")
        self._c.depth += 1

    async def commit(self) -> None:
        """Step: commit."""
        self._c.depth -= 1
        await self._c.execute(f"release savepoint {self._savepoint}" if self._savepoint else "commit")

    async def rollback(self) -> None:
        """Step: undo."""
        self._c.depth -= 1
        await self._c.execute(f"rollback to savepoint {self._savepoint}" if self._savepoint else "rollback")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.commit()
        elif not issubclass(kind, Crashed | asyncio.CancelledError):
            await self.rollback()


@dataclass(slots=True)
class Schedule:
    """One interleaving as it happened."""

    seed: int
    steps: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n  ".join([f"schedule {self.seed}:", *self.steps])


class Interleaver:
    """Runs actors step by step, in an order drawn from a seed."""

    def __init__(
        self, watcher: asyncpg.Connection[Any], seed: int, *, may_crash: bool = True, horizon: int = 60
    ) -> None:
        self._watcher = watcher
        self._draw = random.Random(seed)  # noqa: S311 - reproducible choice, no secret
        self._crash_at = self._draw.randrange(2, horizon) if may_crash and self._draw.random() < 0.6 else -1
        self.executed: dict[str, set[str]] = {}
        self.schedule = Schedule(seed)
        self.crashed: str | None = None
        self._progress = asyncio.Event()

    async def run(self, scripts: Mapping[str, Script], connections: Mapping[str, asyncpg.Connection[Any]]) -> None:
        """Run all scripts to their ends; raises what an actor raises, with the schedule that led to it."""
        actors = [Actor(name, connections[name], progress=self._progress) for name in scripts]
        for actor in actors:
            actor.task = asyncio.create_task(self._play(actor, scripts[actor.name]))
            actor.task.add_done_callback(lambda _: self._progress.set())
        try:
            while not all(actor.is_done for actor in actors):
                await self._wait_for_actors(actors)
                enabled = [actor for actor in actors if actor.is_enabled]
                if enabled:
                    await self._take_step(self._draw.choice(enabled), actors)
        finally:
            for actor in actors:
                if actor.task is not None and not actor.task.done():
                    actor.task.cancel()
            await asyncio.gather(*(a.task for a in actors if a.task), return_exceptions=True)
            self.executed = {actor.name: actor.executed for actor in actors}
        for actor in actors:
            if actor.task is not None and not actor.task.cancelled() and (error := actor.task.exception()):
                raise AssertionError(f"{actor.name} failed in {self.schedule}") from error

    async def _play(self, actor: Actor, script: Script) -> None:
        try:
            await script(SteppedConnection(actor))
        except Crashed:
            return

    async def _take_step(self, actor: Actor, actors: list[Actor]) -> None:
        is_inside = actor.connection.is_in_transaction() and not actor.pending.startswith(("commit", "rollback"))
        if not is_inside or len(self.schedule.steps) == self._crash_at:
            for each in actors:  # a released lock may unblock others
                each.is_blocked = False
        if len(self.schedule.steps) == self._crash_at:
            actor.is_crashed = True
            actor.connection.terminate()
            self.crashed = actor.name
            self.schedule.steps.append(f"{actor.name}: CRASH")
        else:
            self.schedule.steps.append(f"{actor.name}: {' '.join(actor.pending.split())[:60]}")
        actor.arrived.clear()
        actor.gate.set()

    async def _wait_for_actors(self, actors: list[Actor]) -> None:
        """Wait until every actor is before a step, done, or waiting for a lock that another holds."""
        while True:
            self._progress.clear()
            running = [a for a in actors if not a.is_done and not a.is_enabled]
            if all(a.is_blocked for a in running) and any(a.is_enabled for a in actors):
                return
            if not running:
                return
            try:
                await asyncio.wait_for(self._progress.wait(), BLOCKED_AFTER_SECONDS)
            except TimeoutError:
                if await self._all_blocked(running):
                    for actor in running:
                        actor.is_blocked = True
                    return

    async def _all_blocked(self, running: list[Actor]) -> bool:
        pids = [a.connection.get_server_pid() for a in running if not a.connection.is_closed()]
        if len(pids) < len(running):
            return False
        blocked = await self._watcher.fetchval(
            "select count(*) from unnest($1::int[]) p where cardinality(pg_blocking_pids(p)) > 0", pids
        )
        return bool(blocked == len(running))
