"""Every writer of lanes, interleaved statement by statement on real Postgres, with crashes."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from hub.settle import reports
from hub.store.statements import queries
from tests.support import chance
from tests.support.interleaving.interleaver import Interleaver
from tests.support.interleaving.world import InterleavingWorld
from tests.support.interleaving.writer_actors import ALWAYS, COLD, OTHERS
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.interleaving.writer_actors import Part

pytestmark = pytest.mark.proof
SCHEDULES: Final = 300 * chance.TIMES
AT_MOST: Final = 4 * SCHEDULES
"""So many where some statement was not executed yet."""
AT_ONCE: Final = 4
WRITES: Final = re.compile(
    r"(?:insert into|update|delete from)\s+(?:lanes|deliveries|processes|planning_progress|tallies|destinations)\b"
    r"|\b(?:begin_planning|lock_unplanned)\("
)
ELSEWHERE: Final = {
    "write_system": "a system's destinations are made with it, before anything is planned for it; no lane is touched",
    "insert_service": "a service's destination is made with it, before anything is planned for it; no lane is touched",
    "write_own_objective": "one row of destinations is locked and written, in a transaction of its own",
    "prove_writable": "one statement that is a transaction by itself, on rows of no process",
}
"""Statements that no actor executes, and why that is right."""


def statements() -> dict[str, str]:
    """Return the text and the names of the statements that write lanes."""
    named = {name: getattr(queries, name) for name in dir(queries)}
    return {query.sql: name for name, query in named.items() if WRITES.search(getattr(query, "sql", ""))}


def deal(seed: int) -> Iterator[dict[str, Part]]:
    """Deal actors in rounds, some at once; the same seed deals the same."""
    draw = random.Random(seed)  # noqa: S311 - reproducible choice, no secret
    deck: list[str] = []
    while True:
        hand: list[str] = []
        while len(hand) < AT_ONCE:
            deck = deck or draw.sample(list(OTHERS), len(OTHERS))
            hand.append(deck.pop())
        yield ALWAYS | {name: OTHERS[name] for name in hand}


class Stage:
    """Connections of actors, kept from schedule to schedule, and what was executed on them."""

    def __init__(self, dsn: str, watcher: asyncpg.Connection[Any]) -> None:
        self._dsn = dsn
        self._watcher = watcher
        self._connections: dict[str, asyncpg.Connection[Any]] = {}
        self.executed: set[str] = set()
        self.played: Counter[str] = Counter()
        self.crashed: Counter[str] = Counter()

    async def play(self, world: InterleavingWorld, parts: dict[str, Part], seed: int) -> None:
        """Play one schedule and check its outcome."""
        interleaver = Interleaver(self._watcher, seed, horizon=160)
        for name in parts:
            await self._connect(name)
        scripts = {name: _bind(part, world) for name, part in parts.items()}
        await interleaver.run(scripts, self._connections)
        self.executed |= {text for texts in interleaver.executed.values() for text in texts}
        self.played.update(list(parts))
        if interleaver.crashed:
            self.crashed[interleaver.crashed] += 1
        await world.finish()
        await world.check(interleaver.schedule)

    def close(self) -> None:
        """Close all connections."""
        for connection in (*self._connections.values(), self._watcher):
            connection.terminate()

    async def _connect(self, name: str) -> None:
        kept = self._connections.get(name)
        if kept is not None and not kept.is_closed():
            return
        settings = {"jit": "off", "deadlock_timeout": "20ms", "synchronous_commit": "off"}
        self._connections[name] = await asyncpg.connect(self._dsn, server_settings=settings)
        if name not in COLD:
            await prefer_index_lookups(self._connections[name])


def _bind(part: Part, world: InterleavingWorld) -> Any:
    return lambda c: part(world, c)


@pytest.mark.timeout(3600)
async def test_whoever_writes_to_lanes_may_be_interleaved(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any interleaving of writers with one crash, the ledger check holds and no writer deadlocks."""
    monkeypatch.setattr(reports, "CLOSED_STEP", 1)
    seed = chance.seed()
    watcher = await asyncpg.connect(database, server_settings={"jit": "off", "synchronous_commit": "off"})
    world, stage, writers = InterleavingWorld(watcher), Stage(database, watcher), statements()
    await world.furnish()
    wanted = writers.keys() - {text for text, name in writers.items() if name in ELSEWHERE}
    hands, began, done = deal(seed), time.monotonic(), 0
    try:
        while done < SCHEDULES or (done < AT_MOST and not wanted <= stage.executed):
            parts = next(hands)
            await world.reset(seed + done)
            world.paused = (None, "forward 1", "forward 2")[(seed + done) % 3]
            await stage.play(world, parts, seed + done)
            done += 1
    finally:
        stage.close()
    _tell(stage, done, seed, time.monotonic() - began)
    assert {writers[text] for text in wanted - stage.executed} == set()
    assert {writers[text] for text in writers.keys() & stage.executed} & ELSEWHERE.keys() == set()
    assert stage.played.keys() == ALWAYS.keys() | OTHERS.keys()
    assert stage.crashed.total() > 0


def _tell(stage: Stage, done: int, seed: int, seconds: float) -> None:
    print(f"\n{done} schedules from seed {seed}, {stage.crashed.total()} with a crash, in {seconds:.0f} s")
    for name, n in stage.played.most_common():
        print(f"  {name:<20} in {n:>4} schedules, killed in {stage.crashed[name]}")
